import { ConfigError, assert } from '@pondhawk/core';
import type { SqliteDatabase } from './open-database.js';
import { toStorageError } from './storage-error.js';

/** One step of a schema. Never edited after it is merged. */
export interface Migration {
  /** Numbered from 1 without gaps. */
  readonly id: number;
  /** Kebab-case, for people and to tell databases of other programs apart. */
  readonly name: string;
  /** Whether a binary that does not know this step must not touch the database. */
  readonly breaking: boolean;
  /** One or more statements. */
  readonly sql: string;
}

/** What a call of `migrate` did. */
export interface MigrationResult {
  /** Ids applied now. */
  readonly applied: readonly number[];
  /** Names of newer, non-breaking steps that this binary does not know; worth a warning. */
  readonly unknown: readonly string[];
}

interface AppliedRow {
  readonly id: number;
  readonly name: string;
  readonly breaking: number;
}

/**
 * Brings the database to the newest version: forward only, each step in a transaction of its own
 * with its version row written first, so that two starting processes cannot both apply it.
 *
 * @throws ConfigError (`DATABASE_TOO_NEW`) if a newer binary applied a breaking step,
 *   (`DATABASE_FOREIGN`) if an applied step has another name than ours.
 * @throws what `toStorageError` gives if a statement fails; that step is then rolled back.
 */
export function migrate(db: SqliteDatabase, migrations: readonly Migration[]): MigrationResult {
  migrations.forEach((migration, index) => {
    assert(migration.id === index + 1, 'Migrations must be numbered from 1 without gaps.', {
      name: migration.name,
    });
  });
  try {
    db.exec(`CREATE TABLE IF NOT EXISTS schema_migrations (
      id INTEGER PRIMARY KEY, name TEXT NOT NULL, breaking INTEGER NOT NULL, applied_at_ms INTEGER NOT NULL
    ) STRICT`);
    const unknown = checkApplied(db, migrations);
    const applied = migrations.filter((migration) => applyOnce(db, migration));
    return { applied: applied.map(({ id }) => id), unknown };
  } catch (error) {
    throw toStorageError(error);
  }
}

function checkApplied(db: SqliteDatabase, migrations: readonly Migration[]): string[] {
  const rows = db
    .prepare<[], AppliedRow>('SELECT id, name, breaking FROM schema_migrations ORDER BY id')
    .all();
  const unknown: string[] = [];
  for (const row of rows) {
    const ours = migrations[row.id - 1];
    if (ours === undefined) {
      if (row.breaking !== 0) throw tooNew(db, row);
      unknown.push(row.name);
    } else if (ours.name !== row.name) {
      throw new ConfigError(
        'DATABASE_FOREIGN',
        `Database ${db.name} has migration ${row.id} "${row.name}" where this program has "${ours.name}": it belongs to another program. Point the data folder elsewhere.`,
      );
    }
  }
  return unknown;
}

function tooNew(db: SqliteDatabase, row: AppliedRow): ConfigError {
  return new ConfigError(
    'DATABASE_TOO_NEW',
    `Database ${db.name} was changed by a newer version of this program (migration ${row.id} "${row.name}"). Start that version or a later one.`,
    { details: { migration: row.name } },
  );
}

function applyOnce(db: SqliteDatabase, migration: Migration): boolean {
  const isNew = db.prepare<[number, string, number]>(
    `INSERT INTO schema_migrations (id, name, breaking, applied_at_ms)
     VALUES (?, ?, ?, unixepoch() * 1000) ON CONFLICT (id) DO NOTHING`,
  );
  return db
    .transaction(() => {
      const { changes } = isNew.run(migration.id, migration.name, migration.breaking ? 1 : 0);
      if (changes === 0) return false;
      db.exec(migration.sql);
      return true;
    })
    .immediate();
}
