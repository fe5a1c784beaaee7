import { auditHash } from '@pondhawk/core';
import type { CommandParts } from '../command-context.js';
import type { AuditEntry } from '../identity-records.js';
import { insertRows } from '../insert-rows.js';
import type { HandlerOf } from './command-handler.js';

/** An entry and when what it tells of was done, Unix ms. */
export interface TimedAudit {
  readonly entry: AuditEntry;
  readonly atMs: number;
}

/** @see IdentityCommands */
export const appendAudits: HandlerOf<'append-audits'> = async (context, { atMs, entries }) => {
  await chainAudits(
    context,
    entries.map((entry) => ({ entry, atMs })),
  );
  return undefined;
};

/** Adds entries to the audit log, in their order, in the transaction of whatever they tell of. */
export async function chainAudits(
  common: Pick<CommandParts, 'db' | 'dialect'>,
  audits: readonly TimedAudit[],
): Promise<void> {
  if (audits.length === 0) return;
  const { db } = common;
  const former = await db
    .selectFrom('audit_head')
    .select(['count', 'hash'])
    .where('id', '=', 1)
    .executeTakeFirstOrThrow();
  let { count, hash } = former;
  const rows = audits.map(({ entry, atMs }) => {
    count += 1;
    const facts = { ...entry, id: count, operatedAtMs: atMs };
    hash = auditHash(hash, facts);
    return {
      id: facts.id,
      actor_type: facts.actorType,
      actor_name: facts.actorName,
      operation: facts.operation,
      operated_at_ms: facts.operatedAtMs,
      state: facts.state,
      path: facts.path,
      status_code: facts.statusCode,
      remote_ip: facts.remoteIp,
      object: facts.object,
      selector: facts.selector,
      result: facts.result,
      hash,
    };
  });
  await insertRows(common, 'audits', rows);
  await db.updateTable('audit_head').set({ count, hash }).where('id', '=', 1).execute();
}
