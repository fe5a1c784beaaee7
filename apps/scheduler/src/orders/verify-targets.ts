/** The last part of a delete with `verify`: its hosts are asked from outside. */

import {
  STILL_SERVES,
  type OrderPayload,
  TargetReport,
  type ReportVerification,
  type TargetVerification,
} from '@pondhawk/contracts';
import type { Clock, Faults } from '@pondhawk/core';
import type { SwarmLoop } from '../announcing/swarm-loop.js';
import type { HostVerifier, VerifiedPurge } from '../verification/host-verifier.js';
import type { CallSlots } from './call-slots.js';
import type { OrderCancels } from './order-cancels.js';
import type { OrderHost } from './order-hosts.js';

/** For all questions to one host. */
export const VERIFY_TIMEOUT_MS = 4_000;

/** A host that said that it holds the task no more, and how that was reported. */
export interface AnsweredHost {
  readonly host: OrderHost;
  readonly target: TargetReport;
}

/** What it works with. */
export interface VerifyParts {
  readonly verifier: HostVerifier;
  readonly loop: Pick<SwarmLoop, 'hosts'>;
  readonly cancels: Pick<OrderCancels, 'isCancelled'>;
  readonly clock: Clock;
  readonly faults: Faults;
}

/** A part of an order. */
export interface VerifiedOrder {
  readonly order: OrderPayload;
  readonly answered: readonly AnsweredHost[];
  /** Monotonic ms. */
  readonly endsAtMs: number;
  readonly slots: CallSlots;
  readonly report: (target: TargetReport) => void;
}

/**
 * Asks all hosts that have answered, as many at a time as the order allows. One that still serves has
 * failed; of the others it is only reported what the manager does not take for granted. None is asked
 * any more once the order was cancelled or its time is over: they are missing in `asked`.
 */
export async function verifyTargets(
  { verifier, loop, cancels, clock, faults }: VerifyParts,
  { order, answered, endsAtMs, slots, report }: VerifiedOrder,
): Promise<ReportVerification> {
  const counts = { asked: 0, passed: 0, newer_copies: 0, failed: 0, unreachable: 0 };
  const { purge, args } = order;
  if (purge === undefined) return counts; // No log entry, nothing to compare a copy with.
  const { log_epoch, seq } = purge;
  const meant: VerifiedPurge = { log_epoch, seq, taskId: args.task_id ?? '' };
  const verifyOne = async ({ host, target }: AnsweredHost): Promise<void> => {
    const leftMs = Math.min(VERIFY_TIMEOUT_MS, endsAtMs - clock.monotonicMs());
    if (leftMs <= 0 || cancels.isCancelled(order)) return;
    const record = loop.hosts.get(host.id) ?? host.record;
    const verification = await verifier.verify(record, meant, leftMs);
    count(counts, verification);
    faults.reach('scheduler.order.host-verified');
    // A former attempt may have reported otherwise.
    const isExpected = verification.state === 'passed' && target.outcome === 'absent';
    if (isExpected && order.attempt === 1) return;
    const verdict = verdictOn(verification, clock.nowMs());
    report(Object.assign(new TargetReport(), target, { verification }, verdict));
  };
  await Promise.all(answered.map((one) => slots.run(() => verifyOne(one))));
  return counts;
}

function count(counts: ReportVerification, { state }: TargetVerification): void {
  counts.asked += 1;
  if (state === 'failed') counts.failed += 1;
  else if (state === 'unreachable') counts.unreachable += 1;
  else counts.passed += 1;
  if (state === 'newer_copy') counts.newer_copies += 1;
}

function verdictOn({ state, message }: TargetVerification, nowMs: number): Partial<TargetReport> {
  if (state !== 'failed') return {};
  return { outcome: 'failed', code: STILL_SERVES, message, ended_at_ms: nowMs };
}
