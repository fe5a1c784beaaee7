import { ConfigError, assert } from '@pondhawk/core';
import { type Kysely, sql } from 'kysely';
import type { LedgerMigration, MigrationContext } from './migrations/index.js';
import type { LedgerDialect, LedgerTables } from './tables.js';

/** What a migration run needs. */
export interface MigrateOptions {
  readonly db: Kysely<LedgerTables>;
  readonly dialect: LedgerDialect;
  readonly nowMs: number;
  readonly brokerEpoch: string;
}

/** Any number that no other program of ours uses: serializes migrations of replicas on PostgreSQL. */
const MIGRATION_LOCK_ID = 7_091_640;

/**
 * Brings the ledger to the newest version: forward only, each step in one transaction, its version
 * row written first, so that two starting managers cannot both apply it.
 *
 * @returns names of newer steps that this program does not know and that do not break it.
 * @throws ConfigError (`DATABASE_TOO_NEW`) if one of them does,
 *   (`DATABASE_FOREIGN`) if the database belongs to another program.
 */
export async function migrateLedger(
  options: MigrateOptions,
  migrations: readonly LedgerMigration[],
): Promise<readonly string[]> {
  migrations.forEach(({ id, name }, index) => {
    const former = migrations[index - 1]?.id ?? 0;
    assert(id > former, 'Migrations must be in the order of their numbers.', { name });
  });
  await createVersionTable(options);
  const unknown = await checkApplied(options.db, migrations);
  for (const migration of migrations) await applyOnce(options, migration);
  return unknown;
}

async function createVersionTable({ db, dialect }: MigrateOptions): Promise<void> {
  await db.transaction().execute(async (tx) => {
    // PostgreSQL's IF NOT EXISTS does not keep two that create at once from failing.
    await lockOutOtherManagers(tx, dialect);
    await tx.schema
      .createTable('schema_migrations')
      .ifNotExists()
      .addColumn('id', 'integer', (column) => column.primaryKey())
      .addColumn('name', 'text', (column) => column.notNull())
      .addColumn('breaking', 'integer', (column) => column.notNull())
      .addColumn('applied_at_ms', 'bigint', (column) => column.notNull())
      .execute();
  });
}

/** Until the transaction's end; SQLite's write transaction does it by itself. */
async function lockOutOtherManagers(tx: Kysely<LedgerTables>, dialect: LedgerDialect) {
  if (dialect === 'postgres') {
    await sql`select pg_advisory_xact_lock(${MIGRATION_LOCK_ID})`.execute(tx);
  }
}

async function checkApplied(
  db: Kysely<LedgerTables>,
  migrations: readonly LedgerMigration[],
): Promise<string[]> {
  const rows = await db.selectFrom('schema_migrations').selectAll().orderBy('id').execute();
  const unknown: string[] = [];
  for (const row of rows) {
    const ours = migrations.find(({ id }) => id === row.id);
    if (ours !== undefined && ours.name !== row.name) {
      throw new ConfigError(
        'DATABASE_FOREIGN',
        `The ledger has migration ${row.id} "${row.name}" where this program has "${ours.name}": it belongs to another program. Point the manager elsewhere.`,
      );
    }
    if (ours === undefined && row.breaking !== 0) {
      throw new ConfigError(
        'DATABASE_TOO_NEW',
        `The ledger was changed by a newer manager (migration ${row.id} "${row.name}"). Start that version or a later one.`,
        { details: { migration: row.name } },
      );
    }
    if (ours === undefined) unknown.push(row.name);
  }
  return unknown;
}

async function applyOnce(options: MigrateOptions, migration: LedgerMigration): Promise<void> {
  const { dialect, nowMs, brokerEpoch } = options;
  await options.db.transaction().execute(async (tx) => {
    await lockOutOtherManagers(tx, dialect);
    const version = await tx
      .insertInto('schema_migrations')
      .values({
        id: migration.id,
        name: migration.name,
        breaking: migration.breaking ? 1 : 0,
        applied_at_ms: nowMs,
      })
      .onConflict((conflict) => conflict.column('id').doNothing())
      .returning('id')
      .executeTakeFirst();
    if (version === undefined) return;
    const context: MigrationContext = { db: tx, dialect, nowMs, brokerEpoch };
    await migration.apply(context);
  });
}
