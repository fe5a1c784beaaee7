import { setTimeout as delay } from 'node:timers/promises';
import type { INestMicroservice } from '@nestjs/common';
import { Observable } from 'rxjs';
import { ConflictError, UnavailableError } from '@pondhawk/core';
import { BrokerConnection } from '../src/index.js';
import { NatsServer } from '../src/testing/index.js';
import { ACK_WAIT_MS, TransportFixture, script, specOf, until } from './transport-fixture.js';

jest.setTimeout(20_000);

const SPEC = specOf('e1');

describe('JetStreamStrategy', () => {
  let fixture: TransportFixture;
  let app: INestMicroservice;

  beforeEach(async () => {
    fixture = await TransportFixture.open();
    app = await fixture.listen();
  });
  afterEach(() => fixture.dispose());

  const publish: TransportFixture['publish'] = (...message) => fixture.publish(...message);
  const unacknowledged = () => fixture.unacknowledged();

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
    expect(fixture.retried.map(({ code }) => code)).toEqual(['HOST_UNREACHABLE']);
    expect(fixture.terminated).toEqual([]);
  });

  it('gives up and reports after any other error, of a promise or an Observable', async () => {
    script.act = ({ text }) => {
      if (text === 'bug') return Promise.reject(new TypeError('bug'));
      return new Observable((subscriber) => {
        subscriber.error(new ConflictError('JOB_ALREADY_FINAL', 'Too late.'));
      });
    };
    await publish('a');
    await until(() => fixture.terminated.length === 1);
    await publish('bug');
    await until(() => fixture.terminated.length === 2);
    await until(async () => (await unacknowledged()).pending === 0);
    await delay(ACK_WAIT_MS + 300);
    expect(script.handled).toHaveLength(2);
    expect(fixture.terminated.map(({ code }) => code)).toEqual([
      'JOB_ALREADY_FINAL',
      'HANDLER_FAILED',
    ]);
  });

  it('gives up and reports unknown types and payloads that cannot be read', async () => {
    await publish('a', { type: 'preheat' });
    await publish('b', { raw: 'no json' });
    await publish('c', { raw: JSON.stringify({ format: 2, code: 'c' }) });
    await until(() => fixture.terminated.length === 3);
    await until(async () => (await unacknowledged()).pending === 0);
    expect(fixture.terminated).toEqual(
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
    await fixture.nats.kill();
    await until(() => !fixture.connection.isConnected);
    await expect(publish('lost')).rejects.toMatchObject({ code: 'BROKER_UNAVAILABLE' });
    await fixture.nats.restart();
    await fixture.connection.ready();
    await until(async () =>
      publish('b').then(
        () => true,
        () => false,
      ),
    );
    await until(() => script.handled.some(({ text }) => text === 'b'));
  });

  it('goes on after the consumer or the stream was deleted under it', async () => {
    const manager = await fixture.connection.require().jetstreamManager();
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
