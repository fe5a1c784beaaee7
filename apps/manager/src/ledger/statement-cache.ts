/** Prepared statements of one SQLite connection. */

import type { SqliteDatabase as KyselyDatabase, SqliteStatement } from 'kysely';

/** More texts than all commands and queries have; a text that is not seen again goes first. */
const STATEMENTS_MAX = 256;

/**
 * Stands between Kysely, which prepares each statement anew, and a connection: preparing took as long
 * as running. SQLite prepares again by itself after a change of the schema.
 *
 * Not for statements that are iterated: one that is still open cannot be run again.
 */
export class StatementCache implements KyselyDatabase {
  private readonly statements = new Map<string, SqliteStatement>(); // Longest unused first.

  constructor(private readonly database: KyselyDatabase) {}

  /** The statement of this text, prepared if need be. */
  prepare(text: string): SqliteStatement {
    const statement = this.statements.get(text) ?? this.database.prepare(text);
    this.statements.delete(text);
    this.statements.set(text, statement);
    const [oldest] = this.statements.keys();
    if (this.statements.size > STATEMENTS_MAX && oldest !== undefined)
      this.statements.delete(oldest);
    return statement;
  }

  /** Closes the connection. */
  close(): void {
    this.statements.clear();
    this.database.close();
  }
}
