/** Carries out the order of a preheat: has its hosts fetch its tasks. */

import { setTimeout as sleep } from 'node:timers/promises';
import {
  CANCELLED,
  NO_HOST_MATCHES,
  PREHEAT_MESSAGE_LENGTH_MAX,
  type OrderPayload,
  type PreheatedTask,
  type TargetReport,
  type pondhawkV1,
} from '@pondhawk/contracts';
import {
  PondhawkError,
  backoffDelayMs,
  toError,
  type Clock,
  type Faults,
  type RandomSource,
} from '@pondhawk/core';
import { choosePreheatSeed } from '@pondhawk/jobs';
import type { Log } from '@pondhawk/observability';
import type { SwarmLoop } from '../announcing/swarm-loop.js';
import { CallSlots } from './call-slots.js';
import type { OrderCancels } from './order-cancels.js';
import { HOST_TRIES_MAX, STOPPED } from './order-executor.js';
import { LivePlan } from './live-plan.js';
import { findOrderHosts, type OrderHost } from './order-hosts.js';
import type { PreheatAnswer, PreheatCaller } from './preheat-caller.js';
import type { PreheatPlans } from './preheat-plans.js';
import { ReportBatcher } from './report-batcher.js';
import type { ReportPart, SendReport } from './report-senders.js';
import { targetReport } from './target-reports.js';

const RETRY_BACKOFF = { baseMs: 200, capMs: 2_000 };
const SPARED = { code: CANCELLED, message: 'The job was cancelled before this was begun.' };

/** Parts that preheats are carried out with. */
export interface PreheatExecutorOptions {
  readonly loop: Pick<SwarmLoop, 'hosts'>;
  readonly plans: PreheatPlans;
  readonly caller: PreheatCaller;
  readonly cancels: Pick<OrderCancels, 'run' | 'isCancelled'>;
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly faults: Faults;
  readonly log: Log;
}

/** One order under way. */
interface Run {
  readonly order: OrderPayload;
  readonly plan: LivePlan;
  /** Monotonic ms. */
  readonly endsAtMs: number;
  readonly batcher: ReportBatcher;
  /** Of all hosts together. */
  readonly slots: CallSlots;
  hasFailed: boolean;
}

/** What came of a task, after how many calls. */
type Ended = PreheatedTask & { readonly tries: number };

/**
 * Each host's share is reported when all its tasks have ended there. Of the order at most
 * `spec.parallelism` calls are open, and at most `concurrent_task_count` to one host; the rest wait. A
 * call lasts until the host has the task, so only the deadline of the job bounds it. After a cancel, or a
 * failure where the job stops at one, no call is begun any more; those that are open are waited for.
 */
export class PreheatExecutor {
  constructor(private readonly options: PreheatExecutorOptions) {}

  /** Resolves after the last report. @throws what `send` threw, or that the manager does not answer: the order must be delivered again. */
  async execute(order: OrderPayload, send: SendReport): Promise<void> {
    const { faults, cancels } = this.options;
    faults.reach('scheduler.order.received');
    await cancels.run(order, () => this.carryOut(order, send));
  }

  private async carryOut(order: OrderPayload, send: SendReport): Promise<void> {
    const { loop, plans, clock, log, faults } = this.options;
    const hosts = findOrderHosts(order, loop.hosts);
    if (hosts.length === 0) {
      const message = 'No host that is connected matches the scope, ips, count and percentage.';
      return send(failure({ code: NO_HOST_MATCHES, message }));
    }
    const leftMs = Math.min(order.deadline_at_ms - clock.nowMs(), order.spec.timeout_ms);
    const endsAtMs = clock.monotonicMs() + Math.max(0, leftMs);
    const plan = await this.loadPlan(order);
    if (plan instanceof PondhawkError) return send(failure(plan));
    const batcher = new ReportBatcher(async (report) => {
      await send(report);
      faults.reach('scheduler.order.report-sent');
    });
    const slots = new CallSlots(order.spec.parallelism);
    try {
      const live = new LivePlan(plan, { clock, log, load: () => plans.load(order) });
      await this.preheatAll(
        { order, plan: live, endsAtMs, batcher, slots, hasFailed: false },
        hosts,
      );
      await batcher.finish();
    } finally {
      batcher.stop();
    }
  }

  /** @returns the error if the answer will not be another one. */
  private async loadPlan(
    order: OrderPayload,
  ): Promise<pondhawkV1.GetPreheatResponse | PondhawkError> {
    try {
      return await this.options.plans.load(order);
    } catch (thrown) {
      const error = toError(thrown);
      if (error instanceof PondhawkError && !error.retryable) return error;
      throw error;
    }
  }

  private async preheatAll(run: Run, hosts: readonly OrderHost[]): Promise<void> {
    const { first } = run.plan;
    const shares = sharesOf(first, hosts);
    const startedAtMs = this.options.clock.nowMs();
    for (const host of hosts) {
      run.batcher.add(targetReport(host, startedAtMs, { outcome: 'pending', try: 0, attempts: 0 }));
    }
    await Promise.all(
      hosts.map(async (host) => {
        const ofHost = new CallSlots(Math.max(1, first.concurrentTaskCount));
        const ended = await Promise.all(
          (shares.get(host) ?? []).map((task) =>
            ofHost.run(() => run.slots.run(() => this.preheat(run, host, task))),
          ),
        );
        run.batcher.add(
          targetReport(host, startedAtMs, {
            ...summarize(ended),
            ended_at_ms: this.options.clock.nowMs(),
          }),
        );
      }),
    );
  }

  private async preheat(run: Run, host: OrderHost, task: pondhawkV1.PreheatTask): Promise<Ended> {
    const skipped = { id: task.taskId, outcome: 'skipped', bytes: 0, tries: 0 } as const;
    if (this.options.cancels.isCancelled(run.order)) return { ...skipped, ...SPARED };
    if (run.hasFailed && run.order.spec.failure_strategy === 'STOP') {
      return { ...skipped, ...STOPPED };
    }
    const { answer, tries } = await this.call(run, host, task);
    if (answer.outcome !== 'failed') {
      return { id: task.taskId, ...answer, code: '', message: '', tries };
    }
    run.hasFailed = true;
    const message = answer.message.slice(0, PREHEAT_MESSAGE_LENGTH_MAX);
    return { id: task.taskId, outcome: 'failed', bytes: 0, code: answer.code, message, tries };
  }

  private async call(
    run: Run,
    host: OrderHost,
    task: pondhawkV1.PreheatTask,
  ): Promise<{ readonly answer: PreheatAnswer; readonly tries: number }> {
    const { caller, clock, random, loop, faults } = this.options;
    let answer: PreheatAnswer = {
      ...{ outcome: 'failed', code: 'DEADLINE_EXCEEDED', isRetryable: false },
      message: 'The job ended before this host was asked.',
    };
    let tries = 0;
    while (tries < HOST_TRIES_MAX) {
      const leftMs = run.endsAtMs - clock.monotonicMs();
      if (leftMs <= 0) break;
      tries += 1;
      // A host that restarted since the last try may have announced another address.
      const record = loop.hosts.get(host.id) ?? host.record;
      answer = await caller.preheat(record, await run.plan.downloadOf(task), leftMs);
      faults.reach('scheduler.order.host-asked');
      if (answer.outcome !== 'failed' || !answer.isRetryable || tries === HOST_TRIES_MAX) break;
      await sleep(backoffDelayMs(tries, RETRY_BACKOFF, random));
    }
    return { answer, tries };
  }
}

/** Which tasks each host is to have. */
function sharesOf(
  { tasks, singleSeed }: pondhawkV1.GetPreheatResponse,
  hosts: readonly OrderHost[],
): ReadonlyMap<OrderHost, readonly pondhawkV1.PreheatTask[]> {
  if (!singleSeed) return new Map(hosts.map((host) => [host, tasks]));
  const shares = new Map<OrderHost, pondhawkV1.PreheatTask[]>();
  for (const task of tasks) {
    const host = choosePreheatSeed(hosts, task.taskId);
    shares.set(host, [...(shares.get(host) ?? []), task]);
  }
  return shares;
}

/** What a host's share came to: as bad as the worst of its tasks. */
function summarize(ended: readonly Ended[]): Partial<TargetReport> {
  const failed = ended.filter(({ outcome }) => outcome === 'failed');
  const skipped = ended.filter(({ outcome }) => outcome === 'skipped');
  const first = failed[0] ?? skipped[0];
  const tries = Math.max(0, ...ended.map((task) => task.tries));
  const facts = {
    try: Math.max(1, tries),
    attempts: tries,
    preheats: ended.map(({ id, outcome, bytes, code, message }) => ({
      ...{ id, outcome, bytes, code, message },
    })),
  };
  if (first === undefined) {
    const isFetched = ended.some(({ outcome }) => outcome === 'preheated');
    return { ...facts, outcome: isFetched ? 'preheated' : 'already_here' };
  }
  const outcome = failed.length > 0 ? 'failed' : 'skipped';
  const count = failed.length > 0 ? failed.length : skipped.length;
  const message =
    ended.length === 1 ? first.message : `${count} of ${ended.length} tasks: ${first.message}`;
  return { ...facts, outcome, code: first.code, message };
}

function failure({
  code,
  message,
}: {
  readonly code: string;
  readonly message: string;
}): ReportPart {
  return { targets: [], is_last: true, error: { code, message } };
}
