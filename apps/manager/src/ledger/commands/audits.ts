import { auditHash } from '@pondhawk/core';
import type { CommandContext } from '../command-context.js';
import type { AuditEntry } from '../identity-records.js';
import type { HandlerOf } from './command-handler.js';

/** @see IdentityCommands */
export const appendAudits: HandlerOf<'append-audits'> = async (context, { entries }) => {
  for (const entry of entries) await appendAudit(context, entry);
  return undefined;
};

/** Adds one entry to the audit log, in the transaction of whatever it tells of. */
export async function appendAudit({ db, atMs }: CommandContext, entry: AuditEntry): Promise<void> {
  const former = await db
    .selectFrom('audit_head')
    .select(['count', 'hash'])
    .where('id', '=', 1)
    .executeTakeFirstOrThrow();
  const facts = { ...entry, id: former.count + 1, operatedAtMs: atMs };
  const hash = auditHash(former.hash, facts);
  await db
    .insertInto('audits')
    .values({
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
    })
    .execute();
  await db.updateTable('audit_head').set({ count: facts.id, hash }).where('id', '=', 1).execute();
}
