/** A real broker, and Nest's transport over it with one handler that does what a test says. */

import { setTimeout as delay } from 'node:timers/promises';
import { Controller, Module, type INestMicroservice } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Ctx, EventPattern, Payload } from '@nestjs/microservices';
import {
  ReportError,
  jobSubject,
  jobsStream,
  schedulerDurable,
  schedulerJobsFilter,
} from '@pondhawk/contracts';
import type { PondhawkError } from '@pondhawk/core';
import {
  BrokerConnection,
  JetStreamStrategy,
  PassErrorsFilter,
  Publisher,
  ensureStreams,
  type DurableSpec,
  type JetStreamStrategyOptions,
  type PublishResult,
  type ReceivedMessage,
} from '../src/index.js';
import { NatsServer } from '../src/testing/index.js';

export const ACK_WAIT_MS = 900;
const PLACE = { clusterId: 1, schedulerId: 7 };

// The payload class is one of the contracts, the smallest; these tests are of the transport alone.
export interface Handled {
  readonly text: string;
  readonly deliveryCount: number;
}

/** What the test wants the handler to do. */
export const script = {
  handled: [] as Handled[],
  act: (() => undefined) as (handled: Handled) => unknown,
};

@Controller()
class OrdersSubscriber {
  @EventPattern('delete_task')
  handle(@Payload() payload: ReportError, @Ctx() message: ReceivedMessage): unknown {
    const handled = { text: payload.code, deliveryCount: message.deliveryCount };
    script.handled.push(handled);
    return script.act(handled);
  }
}

@Module({ controllers: [OrdersSubscriber] })
class OrdersModule {}

/** The durable consumer under an epoch. */
export function specOf(epoch: string): DurableSpec {
  return {
    stream: jobsStream(epoch),
    durable: schedulerDurable(PLACE.schedulerId),
    filterSubject: schedulerJobsFilter({ ...PLACE, epoch }),
    ackWaitMs: ACK_WAIT_MS,
  };
}

/** Broker, connection and consumer of one test. */
export class TransportFixture {
  /** Streams and consumer are looked for under this. */
  epoch = 'e1';
  readonly terminated: { readonly type: string; readonly code: string }[] = [];
  readonly retried: PondhawkError[] = [];
  readonly publisher: Publisher;
  private readonly apps: INestMicroservice[] = [];

  private constructor(
    readonly nats: NatsServer,
    readonly connection: BrokerConnection,
  ) {
    this.publisher = new Publisher(connection, 2_000);
  }

  static async open(): Promise<TransportFixture> {
    script.handled = [];
    script.act = () => undefined;
    const nats = await NatsServer.start();
    const connection = new BrokerConnection({ url: nats.url, name: 'test' });
    connection.start();
    await connection.ready();
    const fixture = new TransportFixture(nats, connection);
    await ensureStreams(connection, fixture.epoch);
    return fixture;
  }

  /** Starts to consume. */
  async listen(options: Partial<JetStreamStrategyOptions> = {}): Promise<INestMicroservice> {
    const strategy = new JetStreamStrategy({
      connection: this.connection,
      durable: async () => {
        await ensureStreams(this.connection, this.epoch);
        return specOf(this.epoch);
      },
      payloadClasses: { delete_task: ReportError },
      typeOf: (subject) => subject.split('.').at(-1) ?? '',
      onTerminated: ({ type }, { code }) => void this.terminated.push({ type, code }),
      onRetry: (_message, error) => void this.retried.push(error),
      onTrouble: () => undefined,
      ackWaitMs: ACK_WAIT_MS,
      ...options,
    });
    const app = await NestFactory.createMicroservice<{ strategy: JetStreamStrategy }>(
      OrdersModule,
      { strategy, logger: false },
    );
    app.useGlobalFilters(new PassErrorsFilter());
    await app.listen();
    this.apps.push(app);
    return app;
  }

  async publish(
    text: string,
    { type = 'delete_task', id = text, raw = '' } = {},
  ): Promise<PublishResult> {
    const place = { ...PLACE, epoch: this.epoch, type: type as 'delete_task' };
    const body = raw || JSON.stringify({ format: 1, code: text, message: '' });
    return this.publisher.publish(jobSubject(place), Buffer.from(body), id);
  }

  async unacknowledged(): Promise<{ pending: number; waiting: number }> {
    const { stream, durable } = specOf(this.epoch);
    const manager = await this.connection.require().jetstreamManager();
    const info = await manager.consumers.info(stream, durable);
    return { pending: info.num_ack_pending, waiting: info.num_pending };
  }

  async dispose(): Promise<void> {
    for (const app of this.apps) await app.close();
    await this.connection.close();
    await this.nats.dispose();
  }
}

/** Waits for a condition, at most ten seconds. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`Not in time: ${condition.toString()}`);
    await delay(20);
  }
}
