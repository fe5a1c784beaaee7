import { commonV2, pondhawkV1 } from '@pondhawk/contracts';
import { parseIncarnation } from '@pondhawk/core';
import { SystemLeaseClocks } from '@pondhawk/observability';
import { chainHash } from '@pondhawk/purge';
import { eventually } from '@pondhawk/testing';
import { LeaseGate } from '../src/lease/index.js';
import { FleetSync, InventoryJournal, RECONNECT_SPREAD_MS } from '../src/scheduler-link/index.js';
import { FakeHome } from './fake-home.js';
import {
  PIECE_BYTES,
  contentOf,
  fillWhole,
  newCopy,
  openStore,
  taskIdOf,
  type StoreFixture,
} from './store-fixture.js';

const WAIT = { timeoutMs: 10_000 };
const RANDOM = 0.5;
const INCARNATION = parseIncarnation('ab'.repeat(16));
const content = contentOf(PIECE_BYTES + 7);
const hexOf = (ids: readonly Uint8Array[]) => ids.map((id) => Buffer.from(id).toString('hex'));

/** A pause that the host makes; it goes on when the test says so. */
interface Pause {
  readonly ms: number;
  readonly end: () => void;
}

describe('The stream of a host to its home', () => {
  let store: StoreFixture;
  let homes: FakeHome[];
  let home: FakeHome | undefined;
  let pauses: Pause[];
  let sync: FleetSync;
  let gate: LeaseGate;
  let leases: string[];

  beforeEach(async () => {
    store = openStore();
    store.purges.adopt({ epoch: 'e1'.repeat(16), first: 1, head: 0, headHash: '' });
    homes = [await FakeHome.start(1), await FakeHome.start(2)];
    home = homes[0];
    pauses = [];
    leases = [];
    gate = new LeaseGate({
      incarnation: INCARNATION,
      clocks: new SystemLeaseClocks(),
      place: () => store.purges.position,
      log: store.log,
    });
    const journal = new InventoryJournal();
    store.copies.connect({ noteChange: (taskId) => journal.note(taskId) });
    sync = new FleetSync({
      host: () => commonV2.Host.fromPartial({ id: '127.0.0.1-h', hostname: 'h' }),
      incarnation: INCARNATION,
      formerIncarnation: '',
      outlived: ['02'.repeat(16), '03'.repeat(16)],
      folderLock: '',
      purges: store.purges,
      gate,
      onLease: {
        onGranted: () => leases.push('granted'),
        onRefused: (reason) => leases.push(reason),
      },
      findHome: () => home,
      rows: store.rows,
      journal,
      random: () => RANDOM,
      sleep: (ms, signal) =>
        new Promise((resolve) => {
          const pause = { ms, end: resolve };
          if (signal.aborted) return resolve();
          pauses.push(pause);
          signal.addEventListener('abort', () => resolve(), { once: true });
        }),
      log: store.log,
    });
  });
  afterEach(async () => {
    await sync.stop({ sayGoodbye: false });
    gate.stop();
    await Promise.all(homes.map((one) => one.stop()));
    await store.dispose();
  });

  const [task, other] = [taskIdOf('task'), taskIdOf('other')];
  const told = (count: number) => eventually(() => homes[0]!.inventories.length === count, WAIT);
  /** Ends the newest pause of this length. */
  const passPause = (ms: number) =>
    eventually(() => {
      const index = pauses.map((pause) => pause.ms).lastIndexOf(ms);
      if (index < 0) return false;
      pauses.splice(index, 1)[0]?.end();
      return true;
    }, WAIT);

  it('carries the whole inventory once, then changes: a copy begun, and a copy gone', async () => {
    await fillWhole(store, task, content);
    await sync.start();
    await told(1);
    expect(homes[0]!.inventories[0]).toMatchObject({ isStart: true, isCurrent: true });
    expect(hexOf(homes[0]!.inventories[0]!.held)).toEqual([task]);
    await fillWhole(store, other, content);
    await told(2);
    await store.deletion.deleteTask(task, { announce: false });
    await told(3);
    const changes = homes[0]!.inventories.slice(1);
    expect(changes.map(({ isStart, held, gone }) => [isStart, hexOf(held), hexOf(gone)])).toEqual([
      [false, [other], []],
      [false, [], [task]],
    ]);
  });

  it('carries nothing again to a home that knows it, and everything to one that does not', async () => {
    await fillWhole(store, task, content);
    await sync.start();
    await told(1);
    const { revision } = homes[0]!.inventories[0]!;
    homes[0]!.known = { isKnown: true, revision };
    homes[0]!.hangUp();
    await passPause(RANDOM * RECONNECT_SPREAD_MS);
    await eventually(() => homes[0]!.hellos.length === 2, WAIT);
    await fillWhole(store, other, content);
    await told(2);
    expect(homes[0]!.inventories[1]).toMatchObject({ isStart: false });
    expect(hexOf(homes[0]!.inventories[1]!.held)).toEqual([other]);
    home = homes[1];
    homes[0]!.hangUp();
    await passPause(RANDOM * RECONNECT_SPREAD_MS);
    await eventually(() => homes[1]!.inventories.length === 1, WAIT);
    expect(hexOf(homes[1]!.inventories[0]!.held).sort()).toEqual([task, other].sort());
  });

  it('comes back after a loss at a moment of the host’s own, within five seconds', async () => {
    await sync.start();
    await told(1);
    homes[0]!.hangUp();
    await eventually(
      () => expect(pauses.map(({ ms }) => ms)).toContain(RANDOM * RECONNECT_SPREAD_MS),
      WAIT,
    );
    expect(homes[0]!.hellos).toHaveLength(1);
    await passPause(RANDOM * RECONNECT_SPREAD_MS);
    await eventually(() => homes[0]!.hellos.length === 2, WAIT);
  });

  it('moves when another scheduler has become home, and is kept until then', async () => {
    await sync.start();
    await told(1);
    home = homes[1];
    await passPause(1_000); // The look at who is home.
    await eventually(() => pauses.some(({ ms }) => ms === RANDOM * RECONNECT_SPREAD_MS), WAIT);
    expect([homes[0]!.streamCount, homes[1]!.streamCount]).toEqual([1, 0]);
    await passPause(RANDOM * RECONNECT_SPREAD_MS);
    await passPause(0);
    await eventually(() => homes[1]!.inventories.length === 1, WAIT);
    await eventually(() => homes[0]!.streamCount === 0, WAIT);
  });

  it('answers for a copy that is whole, for one that is being filled, and for none', async () => {
    await fillWhole(store, task, content);
    const fill = await store.copies.beginFill(newCopy(other, content.length));
    const writer = fill.openPiece({
      ...{ number: 0, offset: 0, length: PIECE_BYTES, originHostId: 'me' },
    });
    await writer.write(content.subarray(0, PIECE_BYTES));
    await writer.finish();
    await sync.start();
    await told(1);
    for (const [index, value] of [task, other, taskIdOf('none'), 'no id'].entries()) {
      const question = { $case: 'getTask', value } as const;
      homes[0]!.say({ $case: 'question', value: { id: BigInt(index), question } });
    }
    await eventually(() => homes[0]!.answers.length === 4, WAIT);
    const answers = new Map(homes[0]!.answers.map((answer) => [Number(answer.id), answer]));
    expect(answers.get(0)?.copies).toMatchObject([
      { taskId: task, state: 'complete', url: 'http://origin.test/file', pieces: [] },
    ]);
    expect(answers.get(1)?.copies).toMatchObject([
      { taskId: other, state: 'filling', storedBytes: BigInt(PIECE_BYTES) },
    ]);
    expect(answers.get(2)).toMatchObject({ copies: [], code: '' });
    expect(answers.get(3)).toMatchObject({ copies: [], code: 'INVALID_TASK_ID' });
  });

  it('lists complete copies in order of task id, and refuses what it does not know', async () => {
    await fillWhole(store, task, content);
    await fillWhole(store, other, content);
    await sync.start();
    await told(1);
    const question = { $case: 'listTasks' as const, value: { taskIds: [] } };
    homes[0]!.say({ $case: 'question', value: { id: 1n, question } });
    homes[0]!.say({
      $case: 'question',
      value: pondhawkV1.SyncQuestion.fromPartial({ id: 2n }),
    });
    await eventually(() => homes[0]!.answers.length === 2, WAIT);
    expect(homes[0]!.answers[0]?.copies.map(({ taskId }) => taskId)).toEqual([task, other].sort());
    expect(homes[0]!.answers[0]?.totalCount).toBe(2n);
    expect(homes[0]!.answers[1]).toMatchObject({ id: 2n, code: 'QUESTION_UNKNOWN' });
  });

  describe('when leases are granted', () => {
    it('has one when it starts, and asks again before it is over', async () => {
      homes[0]!.grant = () => ({ logEpoch: Buffer.from('e1'.repeat(16), 'hex'), hostLeaseMs: 400 });
      await sync.start();
      expect(gate.isOpen).toBe(true);
      await eventually(() => homes[0]!.leaseRequests.length >= 6, WAIT);
      expect(gate.isOpen).toBe(true);
      expect(homes[0]!.leaseRequests.map(({ number }) => Number(number)).slice(0, 6)).toEqual([
        1, 2, 3, 4, 5, 6,
      ]);
      expect(new Set(leases)).toEqual(new Set(['granted']));
    });

    it('asks again soon after a refusal', async () => {
      const refusals = ['LOG_BEHIND', 'OTHER_RUN'];
      const { grant } = homes[0]!;
      homes[0]!.grant = (request) => {
        const refusal = refusals.shift();
        return refusal === undefined ? grant(request) : { refusal };
      };
      await sync.start();
      expect(gate.isOpen).toBe(true);
      expect(leases).toEqual(['LOG_BEHIND', 'OTHER_RUN', 'granted']);
    });

    it('does not use one that needs more than is applied, until it is', async () => {
      const logEpoch = Buffer.from('e1'.repeat(16), 'hex');
      homes[0]!.grant = () => ({ logEpoch, hostLeaseMs: 10_000, needs: 1n });
      void sync.start();
      await eventually(() => leases.length > 0, WAIT);
      expect(gate.isOpen).toBe(false);
      store.purges.take('e1'.repeat(16), [
        { seq: 1, taskId: task, chainHash: chainHash('', 1, task) },
      ]);
      expect(gate.isOpen).toBe(true);
    });

    it('keeps what it has when the stream is lost, for as long as it was given', async () => {
      homes[0]!.grant = () => ({ logEpoch: Buffer.from('e1'.repeat(16), 'hex'), hostLeaseMs: 600 });
      await sync.start();
      let closings = 0;
      gate.onClosed(() => (closings += 1));
      home = undefined;
      homes[0]!.hangUp();
      await eventually(() => homes[0]!.streamCount === 0, WAIT);
      expect(gate.isOpen).toBe(true);
      await eventually(() => closings === 1, WAIT); // By its own timer: nobody has looked.
      expect(gate.isOpen).toBe(false);
    });

    it('has none any more under a log id that it has left, and asks anew when it is back', async () => {
      const [epoch, another] = ['e1', 'e2'].map((byte) => byte.repeat(16));
      const hashes = [chainHash('', 1, task)];
      hashes.push(chainHash(hashes[0]!, 2, other));
      const entries = [task, other].map((taskId, index) => ({
        ...{ seq: index + 1, taskId, chainHash: hashes[index]! },
      }));
      store.purges.take(epoch!, entries);
      const logEpoch = Buffer.from(epoch!, 'hex');
      homes[0]!.grant = () => ({ logEpoch, hostLeaseMs: 60_000, needs: 1n });
      await sync.start();
      expect(gate.isOpen).toBe(true);
      homes[0]!.grant = () => undefined;
      const asked = homes[0]!.leaseRequests.length;
      const logOf = (id: string, head: number) => ({
        ...{ logEpoch: Buffer.from(id, 'hex'), first: 1n, head: BigInt(head) },
        headHash: hashes[head - 1] ?? '',
      });
      homes[0]!.say({ $case: 'log', value: logOf(another!, 0) });
      await eventually(() => store.purges.position.epoch === another, WAIT);
      // A scheduler that has not heard of the second purge yet.
      homes[0]!.say({ $case: 'log', value: logOf(epoch!, 1) });
      await eventually(() => store.purges.position.epoch === epoch, WAIT);
      expect(store.purges.position.applied).toBe(1);
      expect(gate.isOpen).toBe(false);
      await eventually(() => homes[0]!.leaseRequests.length >= asked + 2, WAIT);
      homes[0]!.grant = () => ({ logEpoch, hostLeaseMs: 60_000, needs: 1n });
      await eventually(() => gate.isOpen, WAIT);
    });

    it('serves on without one when it was told so, until it is told otherwise, which it says', async () => {
      const logEpoch = Buffer.from('e1'.repeat(16), 'hex');
      let waiver = { number: 1n, isGiven: true };
      homes[0]!.grant = () => ({ logEpoch, hostLeaseMs: 300, waiver });
      await sync.start();
      let closings = 0;
      gate.onClosed(() => (closings += 1));
      home = undefined;
      homes[0]!.hangUp();
      await eventually(() => gate.leaseLeftMs === 0, WAIT);
      expect([gate.isOpen, gate.isWaived, gate.leftMs, closings]).toEqual([
        true,
        true,
        Infinity,
        0,
      ]);
      expect(homes[0]!.leaseRequests.every(({ waiverEnd }) => waiverEnd === 0n)).toBe(true);
      waiver = { number: 2n, isGiven: false };
      home = homes[0];
      await passPause(RANDOM * RECONNECT_SPREAD_MS);
      await eventually(() => homes[0]!.leaseRequests.at(-1)?.waiverEnd === 2n, WAIT);
      expect(homes[0]!.leaseRequests.at(-1)?.logEpoch).toEqual(logEpoch);
      expect([gate.isOpen, gate.isWaived]).toEqual([true, false]);
      home = undefined;
      homes[0]!.hangUp();
      await eventually(() => closings === 1, WAIT); // By its own timer: nobody has looked.
    });

    it('names the starts that its folder has outlived', async () => {
      await sync.start();
      const starts = [Buffer.alloc(16, 2), Buffer.alloc(16, 3)];
      expect(homes[0]!.hellos[0]?.outlived).toEqual(starts);
    });

    it('gives up lease and waiver before it says that it leaves', async () => {
      const logEpoch = Buffer.from('e1'.repeat(16), 'hex');
      homes[0]!.grant = () => ({
        logEpoch,
        hostLeaseMs: 300,
        waiver: { number: 1n, isGiven: true },
      });
      await sync.start();
      expect(gate.isWaived).toBe(true);
      const stopped = sync.stop({ sayGoodbye: true });
      expect(gate.isOpen).toBe(false);
      await stopped;
    });
  });
});
