/** Connections to the ledger: one that writes, and one or a few that cannot. */

import { openDatabase, toStorageError } from '@pondhawk/storage';
import { ConfigError, type PondhawkError, UnavailableError, errnoOf } from '@pondhawk/core';
import { Kysely, PostgresDialect, type RawBuilder, SqliteDialect, sql } from 'kysely';
import { Pool, types } from 'pg';
import { LedgerSqliteDialect } from './ledger-sqlite-dialect.js';
import { StatementCache } from './statement-cache.js';
import type { LedgerDialect, LedgerTables } from './tables.js';

/** Where the ledger lies. */
export type LedgerLocation =
  | { readonly type: 'sqlite'; readonly path: string }
  | { readonly type: 'postgres'; readonly url: string };

/** Both sides of an open ledger. */
export interface LedgerConnections {
  readonly dialect: LedgerDialect;
  /** The only connection that writes. */
  readonly writing: Kysely<LedgerTables>;
  /** Refuses writes. On SQLite only usable once the file has its tables. */
  readonly reading: () => Kysely<LedgerTables>;
}

/** Connections that readers share on PostgreSQL. */
const POSTGRES_READERS_MAX = 4;
/** How long a connect to PostgreSQL may take. */
const POSTGRES_CONNECT_TIMEOUT_MS = 5_000;
/** Type ids of int8 and numeric, which pg would hand out as texts; ours are all safe integers. */
const NUMBER_TYPE_IDS = [20, 1700];

/**
 * Opens the writing connection and checks that its commits reach the disk.
 *
 * @throws ConfigError (`DATABASE_CANNOT_OPEN`, `DATABASE_PRAGMA_REFUSED`).
 */
export async function connectLedger(location: LedgerLocation): Promise<LedgerConnections> {
  if (location.type === 'sqlite') return connectSqlite(location.path);
  const writing = postgres(location.url, { max: 1, isReadOnly: false });
  try {
    await requireDurableCommits(writing);
  } catch (error) {
    await writing.destroy();
    throw error;
  }
  return {
    dialect: 'postgres',
    writing,
    reading: () => postgres(location.url, { max: POSTGRES_READERS_MAX, isReadOnly: true }),
  };
}

/** Turns what a driver threw into one of our errors; ours pass unchanged. */
export function toLedgerError(dialect: LedgerDialect, thrown: unknown): PondhawkError {
  const error = toStorageError(thrown);
  if (dialect === 'sqlite' || error !== thrown) {
    return dialect === 'postgres' ? toPostgresError(thrown, error) : error;
  }
  return error;
}

function connectSqlite(path: string): LedgerConnections {
  const writing = openDatabase({ path });
  return {
    dialect: 'sqlite',
    writing: new Kysely({ dialect: new LedgerSqliteDialect(writing) }),
    // Opened by the first read: Kysely does not close what it never used, and while a connection
    // is open SQLite leaves its log beside the file.
    reading: () => {
      const database = () =>
        Promise.resolve(new StatementCache(openDatabase({ path, readOnly: true })));
      return new Kysely({ dialect: new SqliteDialect({ database }) });
    },
  };
}

function postgres(
  url: string,
  { max, isReadOnly }: { readonly max: number; readonly isReadOnly: boolean },
): Kysely<LedgerTables> {
  const pool = new Pool({
    connectionString: url,
    max,
    connectionTimeoutMillis: POSTGRES_CONNECT_TIMEOUT_MS,
    options: `-c synchronous_commit=on -c default_transaction_read_only=${isReadOnly ? 'on' : 'off'}`,
    types: {
      getTypeParser: ((id: number, format: 'text') =>
        NUMBER_TYPE_IDS.includes(id)
          ? Number
          : (types.getTypeParser(id, format) as unknown)) as never,
    },
  });
  // An idle connection that breaks is replaced by the pool; without a listener it would end the process.
  pool.on('error', () => undefined);
  return new Kysely({ dialect: new PostgresDialect({ pool }) });
}

async function requireDurableCommits(db: Kysely<LedgerTables>): Promise<void> {
  for (const setting of ['synchronous_commit', 'fsync']) {
    const value = await showSetting(db, sql`select current_setting(${setting}) as value`);
    if (value !== 'off') continue;
    throw new ConfigError(
      'DATABASE_PRAGMA_REFUSED',
      `PostgreSQL runs with ${setting} = off: commits could be lost. Set it to on.`,
      { details: { pragma: setting } },
    );
  }
}

async function showSetting(
  db: Kysely<LedgerTables>,
  query: RawBuilder<unknown>,
): Promise<string | undefined> {
  try {
    const { rows } = await query.execute(db);
    return (rows[0] as { readonly value: string } | undefined)?.value;
  } catch (error) {
    throw new ConfigError(
      'DATABASE_CANNOT_OPEN',
      `PostgreSQL cannot be reached (${errnoOf(error) ?? 'no code'}). Check database.url and that the server runs.`,
      { cause: error },
    );
  }
}

/** Classes 08 (connection), 53 (resources), 57 (operator) of PostgreSQL's codes, and system errors, pass by themselves. */
function toPostgresError(thrown: unknown, fallback: PondhawkError): PondhawkError {
  const code = errnoOf(thrown) ?? '';
  const isTransient = /^(08|53|57|40)/.test(code) || /^E[A-Z]+$/.test(code);
  const isPoolTimeout = thrown instanceof Error && /timeout|terminated/i.test(thrown.message);
  if (!isTransient && !(isPoolTimeout && code === '')) return fallback;
  return new UnavailableError(
    'DATABASE_UNAVAILABLE',
    `The database did not answer (${code || 'no code'}).`,
    { cause: thrown },
  );
}
