import { setTimeout as delay } from 'node:timers/promises';
import { Controller, Module, type INestMicroservice } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Ctx, EventPattern, Payload } from '@nestjs/microservices';
import { Observable } from 'rxjs';
import {
  ReportError,
  jobSubject,
  jobsStream,
  schedulerDurable,
  schedulerJobsFilter,
} from '@pondhawk/contracts';
import { ConflictError, UnavailableError, type PondhawkError } from '@pondhawk/core';
import {
  BrokerConnection,
  JetStreamStrategy,
  PassErrorsFilter,
  Publisher,
  ensureStreams,
  type DurableSpec,
  type ReceivedMessage,
} from '../src/index.js';
import { NatsServer } from '../src/testing/index.js';

jest.setTimeout(20_000);

const EPOCH = 'e1';
const ACK_WAIT_MS = 900;
const PLACE = { epoch: EPOCH, clusterId: 1, schedulerId: 7 };
const SPEC: DurableSpec = {
  stream: jobsStream(EPOCH),
  durable: schedulerDurable(7),
  filterSubject: schedulerJobsFilter(PLACE),
  ackWaitMs: ACK_WAIT_MS,
};

// The payload class is one of the contracts, the smallest; these tests are of the transport alone.
interface Handled {
  readonly text: string;
  readonly deliveryCount: number;
}

/** What the test wants the handler to do. */
const script = {
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

interface Terminated {
  readonly type: string;
  readonly code: string;
}

describe('JetStreamStrategy', () => {
  let nats: NatsServer;
  let connection: BrokerConnection;
  let publisher: Publisher;
  let app: INestMicroservice;
  let terminated: Terminated[];
  let retried: PondhawkError[];

  beforeEach(async () => {
    script.handled = [];
    script.act = () => undefined;
    terminated = [];
    retried = [];
    nats = await NatsServer.start();
    connection = new BrokerConnection({ url: nats.url, name: 'test' });
    connection.start();
    await connection.ready();
    await ensureStreams(connection, EPOCH);
    publisher = new Publisher(connection, 2_000);
    app = await listen();
  });

  afterEach(async () => {
    await app.close();
    await connection.close();
    await nats.dispose();
  });

  async function listen(): Promise<INestMicroservice> {
    const strategy = new JetStreamStrategy({
      connection,
      durable: async () => {
        await ensureStreams(connection, EPOCH);
        return SPEC;
      },
      payloadClasses: { delete_task: ReportError },
      typeOf: (subject) => subject.split('.').at(-1) ?? '',
      onTerminated: ({ type }, { code }) => void terminated.push({ type, code }),
      onRetry: (_message, error) => void retried.push(error),
      onTrouble: () => undefined,
      ackWaitMs: ACK_WAIT_MS,
    });
    const made = await NestFactory.createMicroservice<{ strategy: JetStreamStrategy }>(
      OrdersModule,
      { strategy, logger: false },
    );
    made.useGlobalFilters(new PassErrorsFilter());
    await made.listen();
    return made;
  }

  async function publish(text: string, { type = 'delete_task', id = text, raw = '' } = {}) {
    const subject = jobSubject({ ...PLACE, type: type as 'delete_task' });
    const body = raw || JSON.stringify({ format: 1, code: text, message: '' });
    return publisher.publish(subject, Buffer.from(body), id);
  }

  async function unacknowledged(): Promise<{ pending: number; waiting: number }> {
    const manager = await connection.require().jetstreamManager();
    const info = await manager.consumers.info(SPEC.stream, SPEC.durable);
    return { pending: info.num_ack_pending, waiting: info.num_pending };
  }

  it('acknowledges only after the Observable of the handler has ended', async () => {
    let finish: () => void = () => undefined;
    script.act = () =>
      new Observable((subscriber) => {
        subscriber.next('first of several');
        finish = (): void => subscriber.complete();
      });
    await publish('a');
    await until(() => script.handled.length === 1);
    await delay(200);
    expect(await unacknowledged()).toEqual({ pending: 1, waiting: 0 });
    finish();
    await until(async () => (await unacknowledged()).pending === 0);
    expect(script.handled).toHaveLength(1);
  });

  it('delivers again after a retryable error', async () => {
    script.act = ({ deliveryCount }) => {
      if (deliveryCount === 1) throw new UnavailableError('HOST_UNREACHABLE', 'Not there.');
      return Promise.resolve();
    };
    await publish('a');
    await until(() => script.handled.length === 2);
    await until(async () => (await unacknowledged()).pending === 0);
    expect(retried.map(({ code }) => code)).toEqual(['HOST_UNREACHABLE']);
    expect(terminated).toEqual([]);
  });

  it('gives up and reports after any other error, of a promise or an Observable', async () => {
    script.act = ({ text }) => {
      if (text === 'bug') return Promise.reject(new TypeError('bug'));
      return new Observable((subscriber) => {
        subscriber.error(new ConflictError('JOB_ALREADY_FINAL', 'Too late.'));
      });
    };
    await publish('a');
    await until(() => terminated.length === 1);
    await publish('bug');
    await until(() => terminated.length === 2);
    await until(async () => (await unacknowledged()).pending === 0);
    await delay(ACK_WAIT_MS + 300);
    expect(script.handled).toHaveLength(2);
    expect(terminated.map(({ code }) => code)).toEqual(['JOB_ALREADY_FINAL', 'HANDLER_FAILED']);
  });

  it('gives up and reports unknown types and payloads that cannot be read', async () => {
    await publish('a', { type: 'preheat' });
    await publish('b', { raw: 'no json' });
    await publish('c', { raw: JSON.stringify({ format: 2, code: 'c' }) });
    await until(() => terminated.length === 3);
    await until(async () => (await unacknowledged()).pending === 0);
    expect(terminated).toEqual(
      expect.arrayContaining([
        { type: 'preheat', code: 'MESSAGE_TYPE_UNKNOWN' },
        { type: 'delete_task', code: 'PAYLOAD_NOT_JSON' },
        { type: 'delete_task', code: 'PAYLOAD_FORMAT_TOO_NEW' },
      ]),
    );
    expect(script.handled).toEqual([]);
  });

  it('keeps a message that takes much longer than the ack wait', async () => {
    script.act = () => delay(ACK_WAIT_MS * 3);
    await publish('a');
    await until(async () => script.handled.length > 0 && (await unacknowledged()).pending === 0);
    expect(script.handled).toEqual([{ text: 'a', deliveryCount: 1 }]);
  });

  it('delivers a message published twice under one id once', async () => {
    expect((await publish('a')).isDuplicate).toBe(false);
    expect((await publish('a')).isDuplicate).toBe(true);
    await publish('b');
    await until(() => script.handled.length === 2);
    expect(script.handled.map(({ text }) => text)).toEqual(['a', 'b']);
  });

  it('goes on after the broker was killed and came back with its store', async () => {
    await publish('a');
    await until(() => script.handled.length === 1);
    await nats.kill();
    await until(() => !connection.isConnected);
    await expect(publish('lost')).rejects.toMatchObject({ code: 'BROKER_UNAVAILABLE' });
    await nats.restart();
    await connection.ready();
    await until(async () =>
      publish('b').then(
        () => true,
        () => false,
      ),
    );
    await until(() => script.handled.some(({ text }) => text === 'b'));
  });

  it('goes on after the consumer or the stream was deleted under it', async () => {
    const manager = await connection.require().jetstreamManager();
    await publish('a');
    await until(() => script.handled.length === 1);
    await manager.consumers.delete(SPEC.stream, SPEC.durable);
    await publish('b');
    await until(() => script.handled.some(({ text }) => text === 'b'));
    await manager.streams.delete(SPEC.stream);
    await until(async () =>
      publish('c').then(
        () => true,
        () => false,
      ),
    );
    await until(() => script.handled.some(({ text }) => text === 'c'));
  });

  it('lets handlers finish when it closes', async () => {
    let isDone = false;
    script.act = () => delay(300).then(() => (isDone = true));
    await publish('a');
    await until(() => script.handled.length === 1);
    await app.close();
    expect(isDone).toBe(true);
    expect(await unacknowledged()).toEqual({ pending: 0, waiting: 0 });
  });
});

describe('BrokerConnection', () => {
  it('starts without a broker and connects when there is one', async () => {
    const first = await NatsServer.start();
    await first.kill();
    const connection = new BrokerConnection({ url: first.url, name: 'test' });
    connection.start();
    await delay(300);
    expect(connection.isConnected).toBe(false);
    await first.restart();
    await connection.ready();
    expect(connection.isConnected).toBe(true);
    await connection.close();
    await first.dispose();
  });

  it('closes while it dials', async () => {
    const connection = new BrokerConnection({ url: 'nats://127.0.0.1:1', name: 'test' });
    connection.start();
    await connection.close();
    expect(() => connection.require()).toThrow('There is no connection to the broker.');
  });
});

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`Not in time: ${condition.toString()}`);
    await delay(20);
  }
}
