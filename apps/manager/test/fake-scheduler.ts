/** A scheduler as the manager sees it: registered, alive, and answering orders over the broker. */

import { randomUUID } from 'node:crypto';
import {
  CANCEL_TYPE,
  CancelPayload,
  jobsStream,
  parseJobSubject,
  parsePayload,
  reportSubject,
  schedulerDurable,
  schedulerJobsFilter,
  OrderPayload,
  type ReportPayload,
} from '@pondhawk/contracts';
import { eventually } from '@pondhawk/testing';
import { AckPolicy, connect, type ConsumerMessages, type NatsConnection } from 'nats';
import { aHost, aTarget } from './ledger-fixtures.js';
import type { TestManager } from './manager-harness.js';

const CLUSTER_ID = 1;

/** What the scheduler answers to an order, report by report. */
export type Answering = (order: OrderPayload) => Partial<ReportPayload>[];

/** Hosts 1 to `hostCount`, first pending, then deleted. */
export function deletesEverywhere(hostCount: number): Answering {
  const numbers = Array.from({ length: hostCount }, (_, index) => index + 1);
  return () => [
    { targets: numbers.map((number) => aTarget(number, 'pending')) as never, is_last: false },
    { targets: numbers.map((number) => aTarget(number, 'deleted')) as never, is_last: true },
  ];
}

/** Enrols hosts 1 to `hostCount` as daemons without leases: a purge waits for what is reported of them, however long it takes. */
export async function enrolReported(
  { fleet }: Pick<TestManager, 'fleet'>,
  scheduler: FakeScheduler,
  hostCount: number,
): Promise<void> {
  const hosts = Array.from({ length: hostCount }, (_, index) => aHost(index + 1));
  await fleet.enrolForeign(scheduler.id, hosts);
}

/** One scheduler; lives from `start` to `stop`. */
export class FakeScheduler {
  readonly orders: OrderPayload[] = [];
  readonly cancels: CancelPayload[] = [];
  /** When the last report of each job was accepted by the broker, by `performance.now()`. */
  readonly lastReportAtMs = new Map<number, number>();
  private readonly runStartedAtMs = Date.now();
  private readonly numbers = new Map<string, number>(); // Of the newest report, by attempt.
  private messages: ConsumerMessages | undefined;
  private loop: Promise<void> | undefined;

  private constructor(
    private readonly nats: NatsConnection,
    readonly id: number,
    private readonly epoch: string,
    private readonly answer: Answering,
  ) {}

  static async start(
    manager: Pick<TestManager, 'fleet'>,
    natsUrl: string,
    answer: Answering,
  ): Promise<FakeScheduler> {
    const id = await manager.fleet.registerScheduler('s1');
    const stream = manager.fleet.keepAlive('s1');
    await stream.beat();
    stream.end();
    await eventually(async () => (await manager.fleet.activeSchedulers()).includes('s1'), {
      timeoutMs: 5_000,
    });
    const nats = await connect({ servers: natsUrl });
    const epoch = await manager.fleet.brokerEpoch();
    const scheduler = new FakeScheduler(nats, id, epoch, answer);
    await scheduler.consume();
    return scheduler;
  }

  /** Sends a report. */
  async report(
    order: Pick<OrderPayload, 'order_id' | 'job_id' | 'attempt'>,
    part: Partial<ReportPayload>,
  ): Promise<void> {
    const report = {
      format: 1,
      report_id: randomUUID(),
      order_id: order.order_id,
      job_id: order.job_id,
      attempt: order.attempt,
      scheduler_id: this.id,
      scheduler_cluster_id: CLUSTER_ID,
      run_started_at_ms: this.runStartedAtMs,
      number: this.nextNumber(order),
      targets: [],
      is_last: false,
      ...part,
    };
    const subject = reportSubject({ epoch: this.epoch, clusterId: CLUSTER_ID });
    await this.nats.jetstream().publish(subject, JSON.stringify(report));
    this.lastReportAtMs.set(order.job_id, performance.now());
  }

  private nextNumber({
    order_id: orderId,
    attempt,
  }: Pick<OrderPayload, 'order_id' | 'attempt'>): number {
    const key = `${orderId}/${attempt}`;
    const number = (this.numbers.get(key) ?? 0) + 1;
    this.numbers.set(key, number);
    return number;
  }

  async stop(): Promise<void> {
    this.messages?.stop();
    await this.loop;
    await this.nats.close();
  }

  private async consume(): Promise<void> {
    const manager = await this.nats.jetstreamManager();
    const stream = jobsStream(this.epoch);
    const durable = schedulerDurable(this.id);
    await eventually(() => manager.streams.info(stream), { timeoutMs: 10_000 });
    await manager.consumers.add(stream, {
      durable_name: durable,
      ack_policy: AckPolicy.Explicit,
      filter_subject: schedulerJobsFilter({
        epoch: this.epoch,
        clusterId: CLUSTER_ID,
        schedulerId: this.id,
      }),
    });
    const consumer = await this.nats.jetstream().consumers.get(stream, durable);
    const messages = await consumer.consume();
    this.messages = messages;
    this.loop = (async () => {
      for await (const message of messages) {
        if (parseJobSubject(message.subject)?.type === CANCEL_TYPE) {
          this.cancels.push(parsePayload(CancelPayload, message.data));
          message.ack();
          continue;
        }
        const order = parsePayload(OrderPayload, message.data);
        this.orders.push(order);
        for (const part of this.answer(order)) await this.report(order, part);
        message.ack();
      }
    })();
  }
}
