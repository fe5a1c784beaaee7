/**
 * Rows into a table by few statements, with every value bound. A set of any size goes in by statements
 * of 1, 2, 4 … rows, so that a table has few texts: each is made once, and prepared once by SQLite.
 * Building a statement by Kysely takes as long as running it.
 */

import { CompiledQuery, type Insertable, type Kysely, type Selectable } from 'kysely';
import type { LedgerDialect, LedgerTables } from './tables.js';

/** Most rows of one statement; with up to 25 columns far below what both databases let be bound. */
const ROWS_PER_STATEMENT_MAX = 128;

/** Statements' texts by everything that they are made from: tables times sizes, some hundred. */
const texts = new Map<string, string>();

/** Inserts rows that all have the same columns. @throws whatever the driver throws. */
export async function insertRows<T extends keyof LedgerTables>(
  context: InsertContext,
  table: T,
  rows: readonly Insertable<LedgerTables[T]>[],
): Promise<void> {
  await insert(context, { table, rows, returning: [] });
}

/**
 * As `insertRows`; answers the named columns of what was inserted, in no order: something among them
 * has to say which row is which.
 */
export async function insertReturning<
  T extends keyof LedgerTables,
  C extends keyof LedgerTables[T] & keyof Selectable<LedgerTables[T]> & string,
>(
  context: InsertContext,
  table: T,
  {
    rows,
    returning,
  }: {
    readonly rows: readonly Insertable<LedgerTables[T]>[];
    readonly returning: readonly C[];
  },
): Promise<Pick<Selectable<LedgerTables[T]>, C>[]> {
  const inserted = await insert(context, { table, rows, returning });
  return inserted as Pick<Selectable<LedgerTables[T]>, C>[];
}

/** Where rows go. */
interface InsertContext {
  readonly db: Kysely<LedgerTables>;
  readonly dialect: LedgerDialect;
}

interface Insert {
  readonly table: string;
  readonly rows: readonly object[];
  readonly returning: readonly string[];
}

async function insert(
  { db, dialect }: InsertContext,
  { table, rows, returning }: Insert,
): Promise<unknown[]> {
  const [first] = rows;
  if (first === undefined) return [];
  const columns = Object.keys(first);
  const inserted: unknown[] = [];
  for (let start = 0; start < rows.length;) {
    const count = largestPowerOfTwo(Math.min(rows.length - start, ROWS_PER_STATEMENT_MAX));
    const values = rows
      .slice(start, start + count)
      .flatMap((row) => columns.map((column) => (row as Record<string, unknown>)[column]));
    const text = textOf({ dialect, table, columns, count, returning });
    const { rows: answered } = await db.executeQuery(CompiledQuery.raw(text, values));
    for (const row of answered) inserted.push(row);
    start += count;
  }
  return inserted;
}

function largestPowerOfTwo(most: number): number {
  return 2 ** Math.floor(Math.log2(most));
}

/** What a statement's text depends on. */
interface Shape {
  readonly dialect: LedgerDialect;
  readonly table: string;
  readonly columns: readonly string[];
  readonly count: number;
  readonly returning: readonly string[];
}

function textOf(shape: Shape): string {
  const { dialect, table, columns, count, returning } = shape;
  const key = `${dialect} ${table} ${columns.join()} ${count} ${returning.join()}`;
  const known = texts.get(key);
  if (known !== undefined) return known;
  let bound = 0;
  const place = dialect === 'sqlite' ? () => '?' : () => `$${(bound += 1)}`;
  const row = (): string => `(${columns.map(place).join(', ')})`;
  const rows = Array.from({ length: count }, row).join(', ');
  const answer = returning.length === 0 ? '' : ` returning ${quoted(returning)}`;
  const text = `insert into "${table}" (${quoted(columns)}) values ${rows}${answer}`;
  texts.set(key, text);
  return text;
}

/** Names of our own tables and columns: nothing in them has to be escaped. */
function quoted(names: readonly string[]): string {
  return names.map((name) => `"${name}"`).join(', ');
}
