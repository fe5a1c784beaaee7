/** What becomes of messages whose handler, consumer or broker does not see their end. */

import { setTimeout as delay } from 'node:timers/promises';
import { ConflictError, UnavailableError } from '@pondhawk/core';
import { ACK_WAIT_MS, TransportFixture, script, until } from './transport-fixture.js';

jest.setTimeout(30_000);

const NEW = ['n1', 'n2', 'n3'];
const never = (): Promise<void> => new Promise(() => undefined);

describe('A message', () => {
  let fixture: TransportFixture;

  beforeEach(async () => {
    fixture = await TransportFixture.open();
  });
  afterEach(() => fixture.dispose());

  const countOf = (text: string): number =>
    script.handled.filter((handled) => handled.text === text).length;

  it('comes again, to the next consumer, when its handler never ends and its consumer closes', async () => {
    script.act = ({ deliveryCount }) => (deliveryCount === 1 ? never() : undefined);
    const first = await fixture.listen({ drainMsMax: 100 });
    await fixture.publish('a');
    await until(() => countOf('a') === 1);
    await delay(2 * ACK_WAIT_MS); // While somebody works on it, it does not.
    expect(countOf('a')).toBe(1);
    await first.close();
    await fixture.listen();
    await until(() => countOf('a') === 2);
    await until(async () => (await fixture.unacknowledged()).pending === 0);
  });

  it('comes again when its handler throws, at the second delivery too', async () => {
    script.act = ({ deliveryCount }) => {
      if (deliveryCount < 3) throw new UnavailableError('HOST_UNREACHABLE', 'Not there.');
    };
    await fixture.listen();
    await fixture.publish('a');
    await until(() => countOf('a') === 3);
    await until(async () => (await fixture.unacknowledged()).pending === 0);
    expect(fixture.retried).toHaveLength(2);
  });

  it('comes again when it cannot be reported that it was given up', async () => {
    script.act = () => {
      throw new ConflictError('JOB_ALREADY_FINAL', 'Too late.');
    };
    let reports = 0;
    const onTerminated = (): void => {
      reports += 1;
      if (reports === 1) throw new UnavailableError('LEDGER_BUSY', 'Later.');
    };
    await fixture.listen({ onTerminated });
    await fixture.publish('a');
    await until(() => reports === 2);
    await until(async () => (await fixture.unacknowledged()).pending === 0);
    expect(countOf('a')).toBe(2);
  });

  it('arrives when it is sent again on purpose inside the duplicate window, under the next number', async () => {
    await fixture.listen();
    expect((await fixture.publish('order', { id: '17.1' })).isDuplicate).toBe(false);
    await until(() => countOf('order') === 1);
    expect((await fixture.publish('order', { id: '17.1' })).isDuplicate).toBe(true);
    expect((await fixture.publish('order', { id: '17.2' })).isDuplicate).toBe(false);
    await until(() => countOf('order') === 2);
    await fixture.publish('last');
    await until(() => countOf('last') === 1);
    expect(countOf('order')).toBe(2);
  });

  describe('delivered by a broker that then lost its data', () => {
    let release: (how: 'done' | Error) => void;

    /** Leaves one message of before under way, and NEW ones of after delivered and unacknowledged. */
    async function wipe(epochAfter: string): Promise<void> {
      const released = new Promise<'done' | Error>((resolve) => (release = resolve));
      script.act = async ({ text }) => {
        if (text !== 'old') return never();
        const how = await released;
        if (how !== 'done') throw how;
      };
      await fixture.listen({ drainMsMax: 100 });
      await fixture.publish('old');
      await until(() => countOf('old') === 1);
      await fixture.nats.restart({ isForgetting: true });
      fixture.epoch = epochAfter;
      await fixture.connection.ready();
      for (const text of NEW) await until(() => publishes(text));
      await until(() => NEW.every((text) => countOf(text) > 0));
      expect((await fixture.unacknowledged()).pending).toBe(NEW.length);
    }

    /** The streams are made when the consumer is looked for; until then nobody takes the message. */
    async function publishes(text: string): Promise<boolean> {
      return fixture.publish(text).then(
        () => true,
        () => false,
      );
    }

    it.each<[string, 'done' | Error]>([
      ['acknowledged', 'done'],
      ['handed back', new UnavailableError('HOST_UNREACHABLE', 'Not there.')],
      ['given up', new ConflictError('JOB_ALREADY_FINAL', 'Too late.')],
    ])('harms no message of after when it is %s late', async (_name, how) => {
      await wipe('e2');
      const handledBefore = script.handled.length;
      await delay(ACK_WAIT_MS); // It is still worked on, and the broker is told so.
      release(how);
      await delay(200);
      expect(await fixture.unacknowledged()).toEqual({ pending: NEW.length, waiting: 0 });
      expect(script.handled).toHaveLength(handledBefore);
      expect(countOf('old')).toBe(1);
    });

    it('would take one of after with it under the same epoch (control)', async () => {
      await wipe('e1');
      release('done');
      await until(async () => (await fixture.unacknowledged()).pending === NEW.length - 1);
    });
  });
});
