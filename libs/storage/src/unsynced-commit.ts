import type { SqliteDatabase } from './open-database.js';

/**
 * Runs a transaction whose commit is not synced: it survives the end of this process, and goes to
 * the disk with the next commit that is synced. Only for what is done again without harm when the
 * machine loses its power before that. Not within another transaction.
 *
 * @throws what `work` throws; then nothing of it happened.
 */
export function commitUnsynced(db: SqliteDatabase, work: () => void): void {
  db.pragma('synchronous = NORMAL');
  try {
    db.transaction(work)();
  } finally {
    db.pragma('synchronous = FULL');
  }
}
