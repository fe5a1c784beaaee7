/** The audit log's chain: each entry's hash covers all before it, so a changed or removed one shows. */

import { createHash } from 'node:crypto';

/** What one entry says; its hash covers exactly these. */
export interface AuditFacts {
  /** From 1, without gaps. */
  readonly id: number;
  readonly operatedAtMs: number;
  readonly actorType: string;
  readonly actorName: string;
  readonly remoteIp: string;
  readonly operation: string;
  readonly path: string;
  readonly object: string;
  readonly selector: string;
  readonly state: string;
  readonly statusCode: number;
  readonly result: string;
}

/** An entry as it is kept. */
export interface ChainedAudit extends AuditFacts {
  readonly hash: string;
}

/** Where a log stands: how many entries, and the newest one's hash. */
export interface AuditHead {
  readonly count: number;
  readonly hash: string;
}

/** The hash before the first entry. */
export const AUDIT_CHAIN_START = '0'.repeat(64);

/** What is wrong with a log, and from which entry on. */
export interface AuditFault {
  readonly id: number;
  readonly fault: 'changed' | 'missing' | 'out-of-order';
}

/**
 * Hash of an entry and all before it.
 *
 * @param formerHash of the entry before, or `AUDIT_CHAIN_START`.
 * @returns 64 hex digits.
 */
export function auditHash(formerHash: string, facts: AuditFacts): string {
  const text = JSON.stringify([
    facts.id,
    facts.operatedAtMs,
    facts.actorType,
    facts.actorName,
    facts.remoteIp,
    facts.operation,
    facts.path,
    facts.object,
    facts.selector,
    facts.state,
    facts.statusCode,
    facts.result,
  ]);
  return createHash('sha256').update(`${formerHash}\n${text}`).digest('hex');
}

/** What a check of some entries goes on from. */
export const AUDIT_LOG_EMPTY: AuditHead = { count: 0, hash: AUDIT_CHAIN_START };

/**
 * Checks entries that follow `former`, oldest first.
 *
 * @returns the first fault, or where the log stands after them.
 */
export function verifyAudits(
  former: AuditHead,
  audits: readonly ChainedAudit[],
): { readonly head: AuditHead } | AuditFault {
  let head = former;
  for (const audit of audits) {
    const expected = head.count + 1;
    if (audit.id > expected) return { id: expected, fault: 'missing' };
    if (audit.id < expected) return { id: audit.id, fault: 'out-of-order' };
    if (audit.hash !== auditHash(head.hash, audit)) return { id: audit.id, fault: 'changed' };
    head = { count: audit.id, hash: audit.hash };
  }
  return { head };
}
