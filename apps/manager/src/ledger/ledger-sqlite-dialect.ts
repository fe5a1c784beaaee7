import type { SqliteDatabase } from '@pondhawk/storage';
import { type DatabaseConnection, type Driver, SqliteDialect, SqliteDriver } from 'kysely';
import { StatementCache } from './statement-cache.js';

/**
 * SQLite, which gives up a whole transaction by itself when the disk is full: Kysely's rollback would
 * then fail for want of one, and its error stand in the place of the first.
 */
export class LedgerSqliteDialect extends SqliteDialect {
  constructor(private readonly database: SqliteDatabase) {
    super({ database: new StatementCache(database) });
  }

  override createDriver(): Driver {
    return new LenientDriver(this.database);
  }
}

class LenientDriver extends SqliteDriver {
  constructor(private readonly database: SqliteDatabase) {
    super({ database: new StatementCache(database) });
  }

  override async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    if (this.database.inTransaction) await super.rollbackTransaction(connection);
  }
}
