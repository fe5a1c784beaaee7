import type { IdentityReader } from './identity-reader.js';
import { KyselyIdentityReader } from './kysely-identity-reader.js';
import { KyselyLedgerReader } from './kysely-ledger-reader.js';
import type { LeaseBook } from './lease-book.js';
import { KyselyLedgerWriter } from './kysely-ledger-writer.js';
import { type LedgerLocation, connectLedger } from './ledger-connections.js';
import type { LedgerReader } from './ledger-reader.js';
import type { LedgerWriter } from './ledger-writer.js';
import { migrateLedger } from './migrate-ledger.js';
import type { PurgeWitness } from './purge-witness.js';
import { settleLeaseTiming } from './settle-lease-timing.js';
import { settleLogId } from './settle-log-id.js';
import { LEDGER_MIGRATIONS, type LedgerMigration } from './migrations/index.js';

export type { LedgerLocation } from './ledger-connections.js';

/** What opening needs besides the place. */
export interface OpenLedgerOptions {
  /** Wall clock at this start, Unix ms. */
  readonly nowMs: number;
  /** 16 random bytes as 32 hex digits: the broker epoch, if the ledger has none yet. */
  readonly brokerEpoch: string;
  /** 32 random hex digits: the epoch of the purge logs, should they need a new one. */
  readonly purgeEpoch: string;
  /** What purge logs had reached. */
  readonly witness: PurgeWitness;
  /** What this process measures of leases. */
  readonly leases: LeaseBook;
  /** Told of each commit; the time in ms. */
  readonly onCommit?: (durationMs: number) => void;
  /** Whether it comes from a backup, so that its purge logs need a new epoch; default false. */
  readonly isRestored?: boolean;
  /** Schema steps; default all that this program knows. */
  readonly migrations?: readonly LedgerMigration[];
}

/** An open ledger. */
export interface Ledger {
  readonly writer: LedgerWriter;
  readonly reader: LedgerReader;
  readonly identity: IdentityReader;
  readonly leases: LeaseBook;
  /** Newer schema steps that this program does not know and that do not break it; worth a warning. */
  readonly unknownMigrations: readonly string[];
  /** Why the purge logs got a new epoch at this start. */
  readonly purgeLogAlarm: string | undefined;
  /** Time of the newest command of former starts, Unix ms; 0 for a new ledger. */
  readonly newestAtMs: number;
  /** Lets the commands that wait finish, then closes all connections. */
  close(): Promise<void>;
}

/**
 * Opens the ledger, creates or migrates its tables, and reads back that commits are durable.
 *
 * @throws ConfigError (`DATABASE_CANNOT_OPEN`, `DATABASE_PRAGMA_REFUSED`, `DATABASE_TOO_NEW`, `DATABASE_FOREIGN`).
 */
export async function openLedger(
  location: LedgerLocation,
  options: OpenLedgerOptions,
): Promise<Ledger> {
  const { nowMs, brokerEpoch, purgeEpoch, witness, leases } = options;
  const { migrations = LEDGER_MIGRATIONS, isRestored = false } = options;
  const { dialect, writing, reading } = await connectLedger(location);
  try {
    const unknownMigrations = await migrateLedger(
      { db: writing, dialect, nowMs, brokerEpoch },
      migrations,
    );
    const purgeLogAlarm = await settleLogId(writing, witness, {
      newEpoch: purgeEpoch,
      nowMs,
      isRestored,
    });
    await settleLeaseTiming(writing, leases);
    const { newest_at_ms: newestAtMs, number } = await writing
      .selectFrom('ledger_head')
      .select(['newest_at_ms', 'number'])
      .executeTakeFirstOrThrow();
    // No command, so no view, so no lease. A ledger that was removed has left its witness.
    if (number === 0 && purgeLogAlarm === undefined) leases.beginFresh();
    const writer = new KyselyLedgerWriter(writing, dialect, witness, leases, options.onCommit);
    const readingDb = reading();
    return {
      writer,
      reader: new KyselyLedgerReader(readingDb, dialect, leases.watch),
      leases,
      identity: new KyselyIdentityReader(readingDb, dialect),
      unknownMigrations,
      purgeLogAlarm,
      newestAtMs,
      close: async () => {
        await writer.close();
        await readingDb.destroy();
        await writing.destroy();
      },
    };
  } catch (error) {
    await writing.destroy();
    throw error;
  }
}
