import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { migrate, type Migration } from '../migrate.js';
import { openDatabase, type SqliteDatabase } from '../open-database.js';

/** A real database in a folder of its own. */
export interface TemporaryDatabase {
  readonly db: SqliteDatabase;
  readonly path: string;
  /** Closes the database and removes its folder. */
  dispose(): void;
}

/** Opens a fresh, migrated database under the system's temporary folder. */
export function openTemporaryDatabase(migrations: readonly Migration[] = []): TemporaryDatabase {
  const directory = mkdtempSync(join(tmpdir(), 'pondhawk-db-'));
  const path = join(directory, 'test.db');
  const db = openDatabase({ path });
  migrate(db, migrations);
  return {
    db,
    path,
    dispose: () => {
      db.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
