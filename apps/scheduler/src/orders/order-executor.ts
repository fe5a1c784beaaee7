/** Carries out one order, but no preheat, on every host that this scheduler must account for. */

import { setTimeout as sleep } from 'node:timers/promises';
import {
  CANCELLED,
  type commonV2,
  type OrderPayload,
  type TargetReport,
} from '@pondhawk/contracts';
import {
  backoffDelayMs,
  formatPurgeNumber,
  parseTaskId,
  toError,
  type Clock,
  type Faults,
  type RandomSource,
} from '@pondhawk/core';
import type { Log } from '@pondhawk/observability';
import type { SwarmLoop } from '../announcing/swarm-loop.js';
import type { HostConnections } from '../fleet/host-connections.js';
import type { PurgeFeed } from '../fleet/purge-feed.js';
import type { Holders } from '../inventory/holders.js';
import { CallSlots } from './call-slots.js';
import type { HostAnswer, HostCaller, HostQuestion } from './host-caller.js';
import type { OrderCancels } from './order-cancels.js';
import { answerOfMeant, findOrderHosts, speaksFor, type OrderHost } from './order-hosts.js';
import { ReportBatcher } from './report-batcher.js';
import type { SendReport } from './report-senders.js';
import { askForTask, QUESTION_TIMEOUT_MS } from './stream-questions.js';
import { targetReport, toHostAnswer, toOutcome, type TargetHost } from './target-reports.js';
import { TaskLister } from './task-lister.js';
import { verifyTargets, type AnsweredHost } from './verify-targets.js';
import type { HostVerifier } from '../verification/host-verifier.js';

/** Limits of one target. */
export const HOST_CALL_TIMEOUT_MS = 4_000;
export const HOST_TRIES_MAX = 3;
export const TARGET_TIMEOUT_MS = 12_000;
/** A holder whose stream has not brought its answer by then is called as well. */
export const STREAM_PATIENCE_MS = 1_000;
/** A host that has not been heard is waited for until this long after the scheduler's start. */
export const UNHEARD_WAIT_MS_MAX = 10_000;
const RETRY_BACKOFF = { baseMs: 100, capMs: 1_000 };

/** Parts that orders are carried out with. */
export interface OrderExecutorOptions {
  readonly loop: SwarmLoop;
  readonly holders: Pick<Holders, 'absentHoldersOf' | 'has'>;
  readonly connections: Pick<HostConnections, 'find' | 'whenOpen'>;
  readonly feed: Pick<PurgeFeed, 'learn'>;
  readonly caller: HostCaller;
  readonly verifier: HostVerifier;
  readonly cancels: Pick<OrderCancels, 'run' | 'isCancelled'>;
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly faults: Faults;
  readonly log: Log;
}

/** Why hosts are not asked any more. */
export const STOPPED = {
  code: 'STOPPED',
  message: 'Another host failed, and the job stops at a failure.',
};
const SPARED = { code: CANCELLED, message: 'The job was cancelled before this host was asked.' };

const SILENT = Symbol('silent');

/** How the answer of one stream is waited for. */
interface Following {
  /** Undefined if the stream is lost before. */
  readonly coming: Promise<HostAnswer | undefined>;
  readonly patience: Promise<typeof SILENT>;
  readonly slots: CallSlots;
}

/** One order under way. */
interface Run {
  readonly order: OrderPayload;
  /** Monotonic ms. */
  readonly endsAtMs: number;
  readonly batcher: ReportBatcher;
  /** Hosts that said that they hold the task no more. */
  readonly answered: AnsweredHost[];
  hasFailed: boolean;
}

/**
 * Every host is asked, not only those that memory names as holders: memory is lost at a restart,
 * disks are not. Those that have not answered soon are reported as pending; each outcome is reported
 * soon after it came, so that a hung host holds up nobody.
 *
 * A delete reaches a host in two ways. Its entry of the purge log goes out on the host's stream, to
 * all at once. Those without a stream are called, as many at a time as the order allows, and so are
 * those known to hold the task that do not answer on their stream within `STREAM_PATIENCE_MS`. The
 * answer that comes first counts: both ways give the same one.
 *
 * For `get_task` every host is asked on its stream, and called if it has none or does not answer there.
 */
export class OrderExecutor {
  private readonly startedAtMs: number;
  private readonly lister: TaskLister;

  constructor(private readonly options: OrderExecutorOptions) {
    this.startedAtMs = options.clock.monotonicMs();
    const unheardUntilMs = this.startedAtMs + UNHEARD_WAIT_MS_MAX;
    this.lister = new TaskLister({ ...options, unheardUntilMs });
  }

  /** Resolves after the last report. @throws what `send` threw: the order must be delivered again. */
  async execute(order: OrderPayload, send: SendReport): Promise<void> {
    const { faults, clock } = this.options;
    faults.reach('scheduler.order.received');
    const batcher = new ReportBatcher(async (report) => {
      await send(report);
      faults.reach('scheduler.order.report-sent');
    });
    const leftMs = Math.min(order.deadline_at_ms - clock.nowMs(), order.spec.timeout_ms);
    const endsAtMs = clock.monotonicMs() + Math.max(0, leftMs);
    try {
      await this.options.cancels.run(order, async () => {
        const run: Run = { order, endsAtMs, batcher, answered: [], hasFailed: false };
        const slots = new CallSlots(order.spec.parallelism);
        await this.carryOutAll(run, slots);
        const isVerified = order.type === 'delete_task' && order.args.verify === true;
        const report = batcher.add.bind(batcher);
        await batcher.finish(
          isVerified ? await verifyTargets(this.options, { ...run, slots, report }) : undefined,
        );
      });
    } finally {
      batcher.stop();
    }
  }

  private async carryOutAll(run: Run, slots: CallSlots): Promise<void> {
    const { order, batcher } = run;
    const { loop } = this.options;
    const hosts = findOrderHosts(order, loop.hosts);
    const pending = { outcome: 'pending', try: 0, attempts: 0 } as const;
    const isUnknown = ({ isNamed }: OrderHost): boolean => !isNamed && order.type === 'delete_task';
    const unknown = [
      ...hosts.filter(isUnknown),
      ...this.absentHolders(order, hosts).map((record) => ({ record })),
    ];
    batcher.name(unknown.map((host) => this.target(host, pending)));
    for (const host of hosts) if (!isUnknown(host)) batcher.add(this.target(host, pending));
    const streamed =
      order.type === 'get_task' ? this.askStreams(run, hosts) : await this.spread(run, hosts);
    const ending = new AbortController();
    const patience = sleep(STREAM_PATIENCE_MS, SILENT, { signal: ending.signal });
    patience.catch(() => undefined); // Everybody has answered.
    const ends = await Promise.allSettled(
      hosts.map(async (host) => {
        const coming = streamed.get(host);
        if (coming !== undefined) await this.follow(run, host, { coming, patience, slots });
        else await slots.run(() => this.callOrSkip(run, host));
      }),
    );
    ending.abort();
    const failed = ends.find((end) => end.status === 'rejected');
    if (failed !== undefined) throw failed.reason as Error;
  }

  /**
   * Hosts that held the task when they went away, and that the ledger does not name: they have no lease,
   * so the manager fences them, and they get the purge when they come back. Nobody calls them.
   */
  private absentHolders(
    { type, args }: OrderPayload,
    hosts: readonly OrderHost[],
  ): readonly commonV2.Host[] {
    if (type !== 'delete_task') return [];
    const named = new Set<string>(hosts.map(({ id }) => id));
    const taskId = parseTaskId(args.task_id ?? '');
    return this.options.holders.absentHoldersOf(taskId).filter(({ id }) => !named.has(id));
  }

  private async callOrSkip(run: Run, host: OrderHost): Promise<void> {
    const isStopped = run.hasFailed && run.order.spec.failure_strategy === 'STOP';
    if (this.options.cancels.isCancelled(run.order)) this.end(run, this.skipped(host, SPARED));
    else if (isStopped) this.end(run, this.skipped(host, STOPPED));
    else await this.carryOut(run, host);
  }

  /** Sends the purge to all streams. @returns the answers to come of hosts that will get it there. */
  private async spread(
    { order, endsAtMs }: Run,
    hosts: readonly OrderHost[],
  ): Promise<Map<OrderHost, Promise<HostAnswer | undefined>>> {
    const { feed, connections, clock, log } = this.options;
    const streamed = new Map<OrderHost, Promise<HostAnswer | undefined>>();
    const { purge } = order;
    if (purge === undefined) return streamed;
    const timeoutMs = Math.min(TARGET_TIMEOUT_MS, Math.max(1, endsAtMs - clock.monotonicMs()));
    // Before the entry is sent: an answer may come at once.
    for (const host of hosts) {
      const connection = connections.find(host.id);
      if (connection?.tells(purge.log_epoch, purge.seq) !== true) continue;
      if (!speaksFor(host, connection)) continue; // It gets the entry all the same.
      const answer = connection.waitFor(purge.seq, timeoutMs).then(toHostAnswer, () => undefined);
      streamed.set(host, answer);
    }
    try {
      const taskId = parseTaskId(order.args.task_id ?? '');
      await feed.learn({ epoch: purge.log_epoch, seq: purge.seq, taskId });
    } catch (thrown) {
      log.warn('a purge does not reach the streams', { seq: purge.seq, err: toError(thrown) });
      return new Map(); // Everybody is called.
    }
    return streamed;
  }

  /** Asks all that have a stream. @returns the answers to come. */
  private askStreams(
    { order, endsAtMs }: Run,
    hosts: readonly OrderHost[],
  ): Map<OrderHost, Promise<HostAnswer | undefined>> {
    const { connections, clock } = this.options;
    const timeoutMs = Math.min(QUESTION_TIMEOUT_MS, Math.max(1, endsAtMs - clock.monotonicMs()));
    const taskId = parseTaskId(order.args.task_id ?? '');
    const streamed = new Map<OrderHost, Promise<HostAnswer | undefined>>();
    for (const host of hosts) {
      const connection = connections.find(host.id);
      if (connection !== undefined) streamed.set(host, askForTask(connection, taskId, timeoutMs));
    }
    return streamed;
  }

  /** Whether the host is called besides. */
  private isHolder({ type, args }: OrderPayload, { id }: OrderHost): boolean {
    if (type !== 'delete_task') return false;
    const taskId = parseTaskId(args.task_id ?? '');
    const { holders, loop } = this.options;
    if (holders.has(id, taskId)) return true;
    const task = loop.swarm.tasks.get(taskId);
    return task !== undefined && [...task.peers.values()].some(({ hostId }) => hostId === id);
  }

  /** Waits for what a host answers on its stream; one that loses it, or holds the task and is silent, is called. */
  private async follow(
    run: Run,
    host: OrderHost,
    { coming, patience, slots }: Following,
  ): Promise<void> {
    const startedAtMs = this.options.clock.nowMs();
    const first = await Promise.race([coming, patience]);
    if (first === SILENT && this.isHolder(run.order, host)) {
      return slots.run(() => this.carryOut(run, host, coming));
    }
    const answer = first === SILENT ? await coming : first;
    if (answer === undefined) return slots.run(() => this.carryOut(run, host));
    this.conclude(run, host, this.answered(host, answer, { tries: 1, startedAtMs }));
  }

  private async carryOut(
    run: Run,
    host: OrderHost,
    streamed?: Promise<HostAnswer | undefined>,
  ): Promise<void> {
    const { order } = run;
    if (order.type === 'list_tasks') {
      await this.list(run, host);
      return;
    }
    const question: HostQuestion = {
      type: order.type === 'get_task' ? 'get_task' : 'delete_task',
      taskId: order.args.task_id ?? '',
      purge:
        order.purge &&
        formatPurgeNumber({
          clusterId: order.scheduler_cluster_id,
          epoch: order.purge.log_epoch,
          seq: order.purge.seq,
        }),
    };
    const startedAtMs = this.options.clock.nowMs();
    const called = this.ask(run, host, question).then(async (target) => {
      // The stream may still bring what the call could not.
      const answer = target.outcome === 'failed' ? await streamed : undefined;
      return answer === undefined ? target : this.answered(host, answer, { tries: 1, startedAtMs });
    });
    const first = streamed?.then((answer) =>
      answer === undefined ? called : this.answered(host, answer, { tries: 1, startedAtMs }),
    );
    this.conclude(run, host, await Promise.race(first === undefined ? [called] : [called, first]));
  }

  private conclude(run: Run, host: OrderHost, target: TargetReport): void {
    const taskId = parseTaskId(run.order.args.task_id ?? '');
    const isGone = target.outcome === 'deleted' || target.outcome === 'absent';
    if (run.order.type === 'delete_task' && isGone) {
      this.options.loop.apply({ kind: 'task-deleted', hostId: host.id, taskId });
      run.answered.push({ host, target });
    }
    this.end(run, target);
  }

  private end(run: Run, target: TargetReport): void {
    run.hasFailed ||= target.outcome === 'failed';
    run.batcher.add(target);
  }

  private async ask(run: Run, host: OrderHost, question: HostQuestion): Promise<TargetReport> {
    const { clock, loop } = this.options;
    const startedAtMs = clock.nowMs();
    const first = await this.tryHost(run, host, question);
    const isUnheard = !loop.hosts.has(host.id) && first.answer.outcome === 'failed';
    const waitMs = Math.min(
      run.endsAtMs - clock.monotonicMs(),
      this.startedAtMs + UNHEARD_WAIT_MS_MAX - clock.monotonicMs(),
    );
    if (!isUnheard || waitMs <= 0) {
      return this.answered(host, first.answer, { tries: first.tries, startedAtMs });
    }
    await loop.whenHeard(host.id, AbortSignal.timeout(Math.ceil(waitMs)));
    if (!loop.hosts.has(host.id)) {
      return this.answered(host, first.answer, { tries: first.tries, startedAtMs });
    }
    const second = await this.tryHost(run, host, question);
    return this.answered(host, second.answer, { tries: first.tries + second.tries, startedAtMs });
  }

  private async tryHost(
    run: Run,
    host: OrderHost,
    question: HostQuestion,
  ): Promise<{ readonly answer: HostAnswer; readonly tries: number }> {
    const { caller, clock, random, faults, loop } = this.options;
    const untilMs = Math.min(run.endsAtMs, clock.monotonicMs() + TARGET_TIMEOUT_MS);
    let answer: HostAnswer = {
      outcome: 'failed',
      code: 'DEADLINE_EXCEEDED',
      message: 'The job ended before this host was asked.',
      isRetryable: false,
    };
    let tries = 0;
    while (tries < HOST_TRIES_MAX) {
      const leftMs = untilMs - clock.monotonicMs();
      if (leftMs <= 0) break;
      tries += 1;
      // A host that restarted since the last try may have announced another address.
      const record = loop.hosts.get(host.id) ?? host.record;
      const told = await caller.ask(record, question, Math.min(HOST_CALL_TIMEOUT_MS, leftMs));
      answer = answerOfMeant(host, told);
      faults.reach('scheduler.order.host-asked');
      if (answer.outcome !== 'failed' || !answer.isRetryable || tries === HOST_TRIES_MAX) break;
      const delayMs = backoffDelayMs(tries, RETRY_BACKOFF, random);
      await sleep(Math.min(delayMs, Math.max(0, untilMs - clock.monotonicMs())));
    }
    return { answer, tries };
  }

  private answered(
    host: OrderHost,
    answer: HostAnswer,
    { tries, startedAtMs }: { readonly tries: number; readonly startedAtMs: number },
  ): TargetReport {
    return this.target(host, {
      ...toOutcome(answer),
      try: Math.max(tries, 1),
      attempts: tries,
      started_at_ms: startedAtMs,
      ended_at_ms: this.options.clock.nowMs(),
    });
  }

  private async list(run: Run, host: OrderHost): Promise<void> {
    const { clock } = this.options;
    const startedAtMs = clock.nowMs();
    const facts = await this.lister.list(host, {
      endsAtMs: run.endsAtMs,
      taskIds: run.order.args.task_ids,
    });
    const times = { started_at_ms: startedAtMs, ended_at_ms: clock.nowMs() };
    this.end(run, this.target(host, { ...facts, ...times, try: 1, attempts: 0 }));
    // The next host is not asked while many lists wait for the broker.
    await run.batcher.whenRoom();
  }

  private skipped(host: OrderHost, reason: typeof STOPPED): TargetReport {
    return this.target(host, {
      outcome: 'skipped',
      ...reason,
      try: 1,
      attempts: 0,
      ended_at_ms: this.options.clock.nowMs(),
    });
  }

  private target(host: TargetHost, facts: Partial<TargetReport>): TargetReport {
    return targetReport(host, this.options.clock.nowMs(), facts);
  }
}
