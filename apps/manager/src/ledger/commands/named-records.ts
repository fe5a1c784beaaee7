import { ConflictError, NotFoundError } from '@pondhawk/core';
import type { CommandContext } from '../command-context.js';
import { parseObject } from '../job-rows.js';
import { GC_CONFIG_NAME, NAMED_RECORDS_MAX, type NamedKind } from '../named-records.js';
import type { HandlerOf } from './command-handler.js';
import { requireUser } from './users.js';

type Db = CommandContext['db'];

/** @see NamedRecordCommands */
export const createNamed: HandlerOf<'create-named'> = async ({ db }, input) => {
  const { atMs, kind, name, facts } = input;
  await requireKnownUser(db, facts);
  await requireFreeName(db, kind, { name, exceptId: 0 });
  const { count } = await db
    .selectFrom('named_records')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where('kind', '=', kind)
    .executeTakeFirstOrThrow();
  if (count >= NAMED_RECORDS_MAX) {
    throw new ConflictError('TOO_MANY_RECORDS', `There are ${NAMED_RECORDS_MAX} rows already.`);
  }
  return db
    .insertInto('named_records')
    .values({
      ...{ kind, name, facts: JSON.stringify(facts), created_at_ms: atMs, updated_at_ms: atMs },
    })
    .returning('id')
    .executeTakeFirstOrThrow();
};

/** @see NamedRecordCommands */
export const updateNamed: HandlerOf<'update-named'> = async ({ db }, input) => {
  const { atMs, kind, recordId, facts } = input;
  const row = await requireRecord(db, kind, recordId);
  const { name = row.name } = input;
  if (name !== row.name) {
    refuseBuiltIn(kind, row.name);
    await requireFreeName(db, kind, { name, exceptId: recordId });
  }
  await requireKnownUser(db, facts);
  await db
    .updateTable('named_records')
    .set({
      name,
      facts: JSON.stringify({ ...parseObject(row.facts), ...facts }),
      updated_at_ms: atMs,
    })
    .where('id', '=', recordId)
    .execute();
  return undefined;
};

/** @see NamedRecordCommands */
export const deleteNamed: HandlerOf<'delete-named'> = async ({ db }, { kind, recordId }) => {
  const { name } = await requireRecord(db, kind, recordId);
  refuseBuiltIn(kind, name);
  await db.deleteFrom('named_records').where('id', '=', recordId).execute();
  return undefined;
};

async function requireRecord(db: Db, kind: NamedKind, recordId: number) {
  const row = await db
    .selectFrom('named_records')
    .select(['name', 'facts'])
    .where('kind', '=', kind)
    .where('id', '=', recordId)
    .executeTakeFirst();
  if (row !== undefined) return row;
  throw new NotFoundError('RECORD_NOT_FOUND', `There is no ${kind} ${recordId}.`, {
    details: { id: recordId },
  });
}

async function requireFreeName(
  db: Db,
  kind: NamedKind,
  { name, exceptId }: { readonly name: string; readonly exceptId: number },
): Promise<void> {
  const taken = await db
    .selectFrom('named_records')
    .select('id')
    .where('kind', '=', kind)
    .where('name', '=', name)
    .where('id', '!=', exceptId)
    .executeTakeFirst();
  if (taken === undefined) return;
  throw new ConflictError('NAME_TAKEN', `name is taken: there is a ${kind} ${name} already.`, {
    details: { field: 'name' },
  });
}

async function requireKnownUser(db: Db, facts: object): Promise<void> {
  if ('userId' in facts) await requireUser(db, Number(facts.userId));
}

function refuseBuiltIn(kind: NamedKind, name: string): void {
  if (kind !== 'config' || name !== GC_CONFIG_NAME) return;
  throw new ConflictError('CONFIG_BUILT_IN', `The config ${name} is always there.`, {
    details: { field: 'name' },
  });
}
