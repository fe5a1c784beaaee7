/** Asks one host for purged tasks, as a stranger would. */

import { isNewerThanPurge } from '@pondhawk/purge';
import { askAsStranger, createClient, type Client, type StrangerAnswer } from '@pondhawk/rpc';
import type { AuditedHost, LoggedPurge } from './fleet-facts.js';

/** For all questions of one round about one task. */
export const ASK_TIMEOUT_MS = 4_000;
/** How often a host is asked that serves something, or cannot be asked, before that is what is reported. */
export const ROUNDS_MAX = 3;
const ROUND_PAUSE_MS = 200;
/** The name under which other daemons log the question. */
const ASKER_ID = 'pondhawk-audit';

/** A purged task that a host serves. */
export interface Finding {
  readonly purge: LoggedPurge;
  /** `serves`: what was purged. `unproven`: a daemon of another make says it holds it, since when it cannot say. */
  readonly kind: 'serves' | 'unproven';
  readonly message: string;
}

/** What one host did. */
export interface HostAudit {
  readonly host: AuditedHost;
  /** Tasks that it was asked for; fewer than the sample if it stopped answering. */
  readonly askedCount: number;
  /** It sent nothing of them. */
  readonly cleanCount: number;
  /** It sent a copy that it began after the purge. */
  readonly newerCount: number;
  /** Their deletes have not ended, so it may serve them yet. */
  readonly underWayCount: number;
  readonly findings: readonly Finding[];
  /** Why it could not be asked, or not for all. */
  readonly unreachable: string | undefined;
}

/** What is needed besides the host. */
export interface AuditParts {
  /** The newest purge of the task and whether its job has ended; undefined if it is not logged any more. */
  readonly lookAgain: (
    purge: LoggedPurge,
  ) => Promise<{ readonly purge: LoggedPurge; readonly hasEnded: boolean } | undefined>;
  readonly sleep: (delayMs: number) => Promise<void>;
}

type Verdict =
  | { readonly kind: 'clean' | 'newer' | 'under-way' }
  | { readonly kind: 'serves' | 'unproven'; readonly message: string; readonly purge: LoggedPurge }
  | { readonly kind: 'unreachable'; readonly reason: string };

/** Asks for one task after the other; no more once the host does not answer. @throws what `lookAgain` throws. */
export async function auditHost(
  host: AuditedHost,
  purges: readonly LoggedPurge[],
  parts: AuditParts,
): Promise<HostAudit> {
  const client = createClient(`${host.ip}:${host.port}`);
  const counts = { clean: 0, newer: 0, 'under-way': 0 };
  const findings: Finding[] = [];
  let askedCount = 0;
  let unreachable: string | undefined;
  try {
    for (const purge of purges) {
      const verdict = await judge(host, client, { purge, parts });
      if (verdict.kind === 'unreachable') {
        unreachable = verdict.reason;
        break;
      }
      askedCount += 1;
      if ('message' in verdict) findings.push(verdict);
      else counts[verdict.kind] += 1;
    }
  } finally {
    client.close();
  }
  const { clean: cleanCount, newer: newerCount, 'under-way': underWayCount } = counts;
  return { host, askedCount, cleanCount, newerCount, underWayCount, findings, unreachable };
}

async function judge(
  host: AuditedHost,
  client: Client,
  { purge: logged, parts }: { readonly purge: LoggedPurge; readonly parts: AuditParts },
): Promise<Verdict> {
  let purge = logged;
  let verdict: Verdict = { kind: 'clean' };
  for (let round = 1; round <= ROUNDS_MAX; round += 1) {
    const { taskId } = purge;
    const asked = { host, client, taskId, askerId: ASKER_ID, timeoutMs: ASK_TIMEOUT_MS };
    const seen = look(host, await askAsStranger(asked), purge);
    if (seen.kind === 'clean' || seen.kind === 'newer') return seen;
    // One that served and then cannot be asked any more has not cleared itself.
    if (!('message' in verdict) || seen.kind !== 'unreachable') verdict = seen;
    if (seen.kind !== 'unreachable') {
      // The task may have been deleted anew, or the log begun anew, since the sample was taken.
      const now = await parts.lookAgain(purge);
      if (now === undefined) return { kind: 'clean' };
      if (!now.hasEnded) return { kind: 'under-way' };
      ({ purge } = now);
    }
    if (round < ROUNDS_MAX) await parts.sleep(ROUND_PAUSE_MS);
  }
  return verdict;
}

function look(host: AuditedHost, answer: StrangerAnswer, purge: LoggedPurge): Verdict {
  if (answer.kind === 'refused') return { kind: 'clean' };
  if (answer.kind === 'unreachable') return { kind: 'unreachable', reason: answer.reason };
  const { copy, isAdmitted, cameBytes, pieceBytes, pieceNumber } = answer;
  const { seq, epochInForce } = purge;
  const place = { epoch: epochInForce, seq, epochInForce };
  if (copy !== undefined && isNewerThanPurge(copy, place)) return { kind: 'newer' };
  const came = `${cameBytes} of the ${pieceBytes} bytes of piece ${pieceNumber} came`;
  if (copy === undefined && isAdmitted && !host.takesLeases) {
    const message = `${came}; the daemon cannot say whether they are older than the purge`;
    return { kind: 'unproven', message, purge };
  }
  const begun = copy === undefined ? '' : `, of a copy begun at ${copy.filledAt}`;
  return { kind: 'serves', message: `${came}${begun}`, purge };
}
