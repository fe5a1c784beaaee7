/**
 * Rows in and out by sets: one statement for up to `ROW_SET_MAX` rows, passed as one JSON text.
 * A statement a row would hold the event loop 129 ms for 10,000 rows; a set takes 3 to 15.
 */

import { type Kysely, type RawBuilder, sql } from 'kysely';
import type { LedgerDialect, LedgerTables } from './tables.js';

/** Rows of one statement; more are split. */
export const ROW_SET_MAX = 500;

/** A column of a set and how PostgreSQL has to read it. */
export type SetColumns<Row> = { readonly [Name in keyof Row]-?: 'text' | 'bigint' };

/** Where a set of rows goes. */
export interface RowSetTarget<Row> {
  readonly table: keyof LedgerTables;
  readonly columns: SetColumns<Row>;
  /** Unique columns; a row that exists already gets the `update` columns of the new one. */
  readonly conflict?: {
    readonly keys: readonly (keyof Row & string)[];
    readonly update: readonly (keyof Row & string)[];
  };
}

/** Inserts (or updates, by `conflict`) all rows; no key may occur twice in `rows`. */
export async function writeRows<Row extends object>(
  { db, dialect }: { readonly db: Kysely<LedgerTables>; readonly dialect: LedgerDialect },
  target: RowSetTarget<Row>,
  rows: readonly Row[],
): Promise<void> {
  const names = Object.keys(target.columns);
  const columns = sql.join(names.map((name) => sql.ref(name)));
  for (let start = 0; start < rows.length; start += ROW_SET_MAX) {
    const set = JSON.stringify(rows.slice(start, start + ROW_SET_MAX));
    const source = dialect === 'sqlite' ? sqliteRows(names, set) : postgresRows(target, set);
    // "where true" keeps SQLite from reading "on conflict" as a join's condition.
    await sql`insert into ${sql.table(target.table)} (${columns}) select ${columns} from ${source} where true ${onConflict(target)}`.execute(
      db,
    );
  }
}

/** Splits anything into sets. */
export function inSets<T>(items: readonly T[]): T[][] {
  return Array.from({ length: Math.ceil(items.length / ROW_SET_MAX) }, (_, index) =>
    items.slice(index * ROW_SET_MAX, (index + 1) * ROW_SET_MAX),
  );
}

/** `in` over a list passed as one parameter. */
export function valueSet<T extends string | number>(
  dialect: LedgerDialect,
  values: readonly T[],
): RawBuilder<T> {
  const set = JSON.stringify(values);
  if (dialect === 'sqlite') return sql`(select value from json_each(${set}))`;
  return typeof values[0] === 'number'
    ? sql`(select value::bigint from json_array_elements_text(${set}::json) as value)`
    : sql`(select value from json_array_elements_text(${set}::json) as value)`;
}

function sqliteRows(names: readonly string[], set: string): RawBuilder<unknown> {
  const fields = names.map(
    (name) => sql`json_extract(value, ${sql.lit(`$.${name}`)}) as ${sql.ref(name)}`,
  );
  return sql`(select ${sql.join(fields)} from json_each(${set}))`;
}

function postgresRows<Row>({ columns }: RowSetTarget<Row>, set: string): RawBuilder<unknown> {
  const fields = Object.entries<'text' | 'bigint'>(columns).map(
    ([name, type]) => sql`${sql.ref(name)} ${sql.raw(type)}`,
  );
  return sql`json_to_recordset(${set}::json) as source(${sql.join(fields)})`;
}

function onConflict<Row>({ conflict }: RowSetTarget<Row>): RawBuilder<unknown> {
  if (conflict === undefined) return sql``;
  const keys = sql.join(conflict.keys.map((key) => sql.ref(key)));
  if (conflict.update.length === 0) return sql`on conflict (${keys}) do nothing`;
  const updates = conflict.update.map(
    (name) => sql`${sql.ref(name)} = ${sql.ref(`excluded.${name}`)}`,
  );
  return sql`on conflict (${keys}) do update set ${sql.join(updates)}`;
}
