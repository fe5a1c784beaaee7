import { chooseByRendezvous, parseHostId } from '@pondhawk/core';
import { eventually } from '@pondhawk/testing';
import type { Copy } from '../src/copies/index.js';
import { SchedulerLink, staticSchedulers } from '../src/scheduler-link/index.js';
import { FakeOwner } from './fake-owner.js';
import { contentOf, fillWhole, openStore, taskIdOf, type StoreFixture } from './store-fixture.js';

const WAIT = { timeoutMs: 15_000 };
const COPY_COUNT = 12;

describe('Copies at the schedulers that own their tasks', () => {
  let store: StoreFixture;
  let schedulers: FakeOwner[];
  let link: SchedulerLink;

  beforeEach(async () => {
    store = openStore();
    const copies: Copy[] = [];
    for (let index = 0; index < COPY_COUNT; index += 1) copies.push(await fill(`task-${index}`));
    schedulers = [await FakeOwner.start(), await FakeOwner.start()];
    // In the order in which they are numbered.
    schedulers.sort((a, b) => (a.address < b.address ? -1 : 1));
    link = new SchedulerLink(
      {
        dataDir: store.dir,
        schedulerAddresses: schedulers.map(({ address }) => address),
        announceIntervalMs: 600_000,
        listIntervalMs: 600_000,
      },
      {
        ...{ hostId: parseHostId('127.0.0.1-me'), incarnation: 'ab'.repeat(16) as never },
        formerIncarnations: [],
        ...{ hostname: 'me', ip: '127.0.0.1', type: 'normal', idc: '', location: '', clusterId: 1 },
      },
      store.copies,
      store.log,
    );
    await link.start(4000);
  }, 30_000);
  afterEach(async () => {
    await link.stop();
    await Promise.all(schedulers.map((one) => one.stop()));
    await store.dispose();
  }, 30_000);

  const fill = (name: string) => fillWhole(store, taskIdOf(name), contentOf(10));
  const tasks = () => Array.from({ length: COPY_COUNT }, (_, index) => taskIdOf(`task-${index}`));
  const ownedBy = (index: number) => {
    const addresses = staticSchedulers(schedulers.map(({ address }) => address));
    return tasks().filter((task) => chooseByRendezvous(addresses, task).id === index + 1);
  };
  const expectTold = (index: number, expected: readonly string[]) =>
    eventually(
      () => expect([...schedulers[index]!.tasks].sort()).toEqual([...expected].sort()),
      WAIT,
    );

  it('are told each to the owner alone, and a new one as it comes', async () => {
    await expectTold(0, ownedBy(0));
    await expectTold(1, ownedBy(1));
    // A host that holds nothing of theirs says so too: it tells its copies.
    expect(schedulers.map(({ told }) => told[0])).toEqual(['start', 'start']);
    const copy = await fill('new');
    link.announceCopy(copy);
    const addresses = staticSchedulers(schedulers.map(({ address }) => address));
    const owner = chooseByRendezvous(addresses, copy.taskId).id - 1;
    await eventually(() => schedulers[owner]!.tasks.includes(copy.taskId), WAIT);
    expect(schedulers[1 - owner]!.tasks).not.toContain(copy.taskId);
  }, 30_000);

  it('are told to who takes over from a lost scheduler, and to it when it is back: nothing else again', async () => {
    await expectTold(0, ownedBy(0));
    await expectTold(1, ownedBy(1));
    const { port } = schedulers[1]!;
    await schedulers[1]!.stop();
    await expectTold(0, tasks());
    schedulers[1] = await FakeOwner.start(port);
    await expectTold(1, ownedBy(1));
    expect(schedulers[1].told[0]).toBe('start');
    expect(schedulers[0]!.told.filter((one) => one === 'start')).toHaveLength(1);
    await expectTold(0, tasks());
  }, 30_000);

  it('are told gone to every scheduler, and once more if the word overtook the announcement', async () => {
    await expectTold(0, ownedBy(0));
    await expectTold(1, ownedBy(1));
    const copy = await fill('short-lived');
    const addresses = staticSchedulers(schedulers.map(({ address }) => address));
    const owner = chooseByRendezvous(addresses, copy.taskId).id - 1;
    let release: () => void = () => undefined;
    schedulers[owner]!.held = new Promise((resolve) => (release = resolve));
    link.announceCopy(copy);
    await eventually(() => schedulers[owner]!.tasks.includes(copy.taskId), WAIT);
    await store.deletion.deleteTask(copy.taskId, { announce: false });
    await link.announceDeleted(copy.taskId);
    expect(schedulers.map(({ deleted }) => deleted)).toEqual([[copy.taskId], [copy.taskId]]);
    release();
    await eventually(() => schedulers[owner]!.deleted.length === 2, WAIT);
  }, 30_000);
});
