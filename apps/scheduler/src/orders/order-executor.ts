/** Carries out one order on every host that this scheduler is home for. */

import { setTimeout as sleep } from 'node:timers/promises';
import {
  TargetReport,
  toHostRecord,
  type commonV2,
  type HeldTask,
  type OrderPayload,
} from '@pondhawk/contracts';
import {
  backoffDelayMs,
  chooseByRendezvous,
  formatPurgeNumber,
  parseHostId,
  parseTaskId,
  type Clock,
  type Faults,
  type RandomSource,
} from '@pondhawk/core';
import type { SwarmLoop } from '../announcing/swarm-loop.js';
import type { HeldCopies } from '../inventory/held-copies.js';
import type { HostAnswer, HostCaller, HostQuestion } from './host-caller.js';
import { ReportBatcher, type SendReport } from './report-batcher.js';
import { runLimited } from './run-limited.js';

/** Limits of one target. */
export const HOST_CALL_TIMEOUT_MS = 4_000;
export const HOST_TRIES_MAX = 3;
export const TARGET_TIMEOUT_MS = 12_000;
const RETRY_BACKOFF = { baseMs: 100, capMs: 1_000 };

/** Parts that orders are carried out with. */
export interface OrderExecutorOptions {
  readonly loop: SwarmLoop;
  readonly copies: HeldCopies;
  readonly caller: HostCaller;
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly faults: Faults;
}

/**
 * Every announced host is asked, not only those that memory names as holders: memory is lost at a
 * restart, disks are not. The first report names all hosts, as pending unless they have answered by
 * then; each outcome follows soon after it came, so that a hung host holds up nobody.
 */
export class OrderExecutor {
  constructor(private readonly options: OrderExecutorOptions) {}

  /** Resolves after the last report. @throws what `send` threw: the order must be delivered again. */
  async execute(order: OrderPayload, send: SendReport): Promise<void> {
    this.options.faults.reach('scheduler.order.received');
    const batcher = new ReportBatcher(order, async (report) => {
      await send(report);
      this.options.faults.reach('scheduler.order.report-sent');
    });
    const hosts = this.homeHosts(order);
    for (const host of hosts)
      batcher.add(this.target(host, { outcome: 'pending', try: 0, attempts: 0 }));
    const endsAtMs =
      this.options.clock.monotonicMs() +
      Math.max(
        0,
        Math.min(order.deadline_at_ms - this.options.clock.nowMs(), order.spec.timeout_ms),
      );
    let hasFailed = false;
    await runLimited(hosts, order.spec.parallelism, async (host) => {
      const isStopped = hasFailed && order.spec.failure_strategy === 'STOP';
      const target = isStopped ? this.skipped(host) : await this.carryOut(order, host, endsAtMs);
      hasFailed ||= target.outcome === 'failed';
      batcher.add(target);
    });
    await batcher.finish();
  }

  private homeHosts(order: OrderPayload): commonV2.Host[] {
    return [...this.options.loop.hosts.values()].filter(
      ({ id }) => chooseByRendezvous(order.schedulers, id).id === order.scheduler_id,
    );
  }

  private async carryOut(
    order: OrderPayload,
    host: commonV2.Host,
    endsAtMs: number,
  ): Promise<TargetReport> {
    if (order.type === 'list_tasks') return this.list(host);
    const question: HostQuestion = {
      type: order.type,
      taskId: order.args.task_id ?? '',
      purge:
        order.purge &&
        formatPurgeNumber({
          clusterId: order.scheduler_cluster_id,
          epoch: order.purge.log_epoch,
          seq: order.purge.seq,
        }),
    };
    const target = await this.ask(host, question, endsAtMs);
    const [hostId, taskId] = [parseHostId(host.id), parseTaskId(question.taskId)];
    if (target.task !== undefined) {
      target.task = withOrigin(target.task, this.options.copies.find(hostId, taskId));
    }
    if (
      order.type === 'delete_task' &&
      (target.outcome === 'deleted' || target.outcome === 'absent')
    ) {
      this.options.loop.apply({ kind: 'task-deleted', hostId, taskId });
      this.options.copies.drop(hostId, taskId);
    }
    return target;
  }

  private async ask(
    host: commonV2.Host,
    question: HostQuestion,
    endsAtMs: number,
  ): Promise<TargetReport> {
    const { caller, clock, random, faults } = this.options;
    const startedAtMs = clock.nowMs();
    const untilMs = Math.min(endsAtMs, clock.monotonicMs() + TARGET_TIMEOUT_MS);
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
      const now = this.options.loop.hosts.get(parseHostId(host.id)) ?? host;
      answer = await caller.ask(now, question, Math.min(HOST_CALL_TIMEOUT_MS, leftMs));
      faults.reach('scheduler.order.host-asked');
      if (answer.outcome !== 'failed' || !answer.isRetryable || tries === HOST_TRIES_MAX) break;
      await sleep(
        Math.min(
          backoffDelayMs(tries, RETRY_BACKOFF, random),
          Math.max(0, untilMs - clock.monotonicMs()),
        ),
      );
    }
    return this.target(host, {
      ...toOutcome(answer),
      try: Math.max(tries, 1),
      attempts: tries,
      started_at_ms: startedAtMs,
      ended_at_ms: clock.nowMs(),
    });
  }

  private list(host: commonV2.Host): TargetReport {
    const tasks = this.options.copies.findOf(parseHostId(host.id));
    const nowMs = this.options.clock.nowMs();
    const times = { try: 1, attempts: 0, ended_at_ms: nowMs };
    return tasks === undefined
      ? this.target(host, {
          outcome: 'failed',
          code: 'INVENTORY_UNKNOWN',
          message: 'The host has not told what it holds.',
          ...times,
        })
      : this.target(host, { outcome: 'answered', tasks, ...times });
  }

  private skipped(host: commonV2.Host): TargetReport {
    return this.target(host, {
      outcome: 'skipped',
      code: 'STOPPED',
      message: 'Another host failed, and the job stops at a failure.',
      try: 1,
      attempts: 0,
      ended_at_ms: this.options.clock.nowMs(),
    });
  }

  private target(host: commonV2.Host, facts: Partial<TargetReport>): TargetReport {
    return Object.assign(new TargetReport(), {
      node: `host:${host.id}`,
      host: toHostRecord(host),
      started_at_ms: this.options.clock.nowMs(),
      ...facts,
    });
  }
}

/** StatLocalTask's answer has no place for what identifies a task; the host told it before. */
function withOrigin(task: HeldTask, told: HeldTask | undefined): HeldTask {
  if (told === undefined) return task;
  const { url, tag, application } = told;
  const finished_bytes = Math.max(task.finished_bytes, told.finished_bytes);
  return Object.assign(task, { url, tag, application, finished_bytes });
}

function toOutcome(answer: HostAnswer): Partial<TargetReport> {
  switch (answer.outcome) {
    case 'deleted':
      return {
        outcome: 'deleted',
        ...(answer.deletedBytes === undefined ? {} : { deleted_bytes: answer.deletedBytes }),
      };
    case 'absent':
      return { outcome: 'absent' };
    case 'answered':
      return { outcome: 'answered', task: answer.task };
    case 'failed':
      return { outcome: 'failed', code: answer.code, message: answer.message };
  }
}
