import type { pondhawkV1 } from '@pondhawk/contracts';
import { ManualClock, parseHostId } from '@pondhawk/core';
import { MemoryLog } from '@pondhawk/observability';
import { boundMs, DEFAULT_TIMING } from '@pondhawk/purge';
import { eventually } from '@pondhawk/testing';
import { ForeignPurges } from '../src/fleet/foreign-purges.js';
import { PurgeFeed } from '../src/fleet/purge-feed.js';
import type { HostAnswer } from '../src/orders/host-caller.js';
import { FakeCaller } from './fake-caller.js';
import { hostMessage } from './fake-host.js';
import { FakeManager } from './fake-manager.js';

const [A = '', B = '', C = ''] = ['a', 'b', 'c'].map((digit) => digit.repeat(64));
const WAIT = { timeoutMs: 10_000 };
const BOUND_MS = boundMs(DEFAULT_TIMING);
const UNREACHABLE: HostAnswer = {
  ...{ outcome: 'failed', code: 'HOST_UNREACHABLE', message: 'gone', isRetryable: true },
};

describe('Purges on foreign daemons', () => {
  let manager: FakeManager;
  let feed: PurgeFeed;
  let caller: FakeCaller;
  let clock: ManualClock;
  let log: MemoryLog;
  let purges: ForeignPurges;
  let later: pondhawkV1.LaterOutcome[];
  let dropped: string[];

  beforeEach(async () => {
    manager = new FakeManager();
    log = new MemoryLog();
    feed = new PurgeFeed(manager, log);
    caller = new FakeCaller();
    clock = new ManualClock();
    later = [];
    dropped = [];
    purges = new ForeignPurges({
      ...{ feed, caller, clock, log, lengths: () => DEFAULT_TIMING },
      later: { add: (outcome) => void later.push(outcome) },
      loop: {
        apply: (event) => {
          if (event.kind === 'task-deleted') dropped.push(event.taskId);
        },
      },
    });
    manager.accept(C); // Before this scheduler began.
    await learn(1);
  });
  afterEach(async () => {
    purges.stop();
    await feed.stop();
  });

  const learn = (seq: number) =>
    feed.learn({ epoch: manager.epoch, seq, taskId: manager.entries[seq - 1]!.taskId });
  const purge = (taskId: string) => learn(manager.accept(taskId));
  const called = (...calls: string[]) =>
    eventually(() => expect(caller.calls).toEqual(calls), WAIT);
  /** Until what was to be done at once is done. */
  const settle = () => new Promise((resolve) => setTimeout(resolve, 20));

  it('are left to the order at first, and repeated and looked after one bound later', async () => {
    purges.heard(hostMessage('f1'));
    await settle();
    await purge(A);
    await settle();
    clock.advance(BOUND_MS - 1);
    await new Promise((resolve) => setTimeout(resolve, 600)); // Two looks.
    expect(caller.calls).toEqual([]);
    clock.advance(1);
    await called('f1 delete_task a', 'f1 get_task a');
    expect(purges.counts).toMatchObject({ repeated: 1, still_held: 0 });
    expect(later).toEqual([]);
  });

  it('are said to be in vain where the task is held after the repetition', async () => {
    caller.answer = (_, { type }) =>
      type === 'get_task'
        ? ({ outcome: 'answered' } as HostAnswer)
        : { outcome: 'deleted', deletedBytes: 5 };
    purges.heard(hostMessage('f1'));
    await settle();
    await purge(A);
    await settle();
    clock.advance(BOUND_MS);
    await eventually(() => expect(purges.counts.still_held).toBe(1), WAIT);
    expect(log.lines.map(({ message }) => message)).toContain(
      'a foreign daemon holds a task after its purge was repeated',
    );
    expect(later).toMatchObject([{ hostId: 'f1', outcome: { seq: 2n, outcome: 'deleted' } }]);
    expect(dropped).toEqual([A]);
  });

  it('are told to a host that was away when it comes back, and to one that was never heard', async () => {
    purges.heard(hostMessage('f1'));
    await settle();
    purges.lost(parseHostId('f1'));
    await purge(A);
    await purge(B);
    await settle();
    expect(caller.calls).toEqual([]);
    purges.heard(hostMessage('f1'));
    await called('f1 delete_task a', 'f1 delete_task b');
    purges.heard(hostMessage('f2'));
    await eventually(() => expect(caller.calls).toHaveLength(4), WAIT);
    expect(caller.calls.slice(2)).toEqual(['f2 delete_task a', 'f2 delete_task b']);
    expect(later).toHaveLength(4);
    purges.heard(hostMessage('f1')); // It knows all.
    await settle();
    expect(caller.calls).toHaveLength(4);
  });

  it('are told again with the next announcement where a call fails', async () => {
    caller.answer = () => UNREACHABLE;
    purges.heard(hostMessage('f1'));
    await settle();
    await purge(A);
    await settle();
    clock.advance(BOUND_MS);
    await called('f1 delete_task a'); // The repetition.
    await eventually(() => expect(purges.counts.failed).toBe(1), WAIT);
    purges.heard(hostMessage('f1'));
    await called('f1 delete_task a', 'f1 delete_task a');
    caller.answer = () => ({ outcome: 'absent' });
    await settle();
    purges.heard(hostMessage('f1'));
    await eventually(() => expect(purges.counts.caught_up).toBe(1), WAIT);
    expect(purges.counts.failed).toBe(2);
    expect(later).toMatchObject([{ hostId: 'f1', outcome: { seq: 2n, outcome: 'absent' } }]);
  });

  it('are told again where nobody could see whether the task is gone', async () => {
    caller.answer = (_, { type }) => (type === 'get_task' ? UNREACHABLE : { outcome: 'absent' });
    purges.heard(hostMessage('f1'));
    await settle();
    await purge(A);
    await settle();
    clock.advance(BOUND_MS);
    await called('f1 delete_task a', 'f1 get_task a');
    await eventually(() => expect(purges.counts).toMatchObject({ repeated: 0, failed: 1 }), WAIT);
    purges.heard(hostMessage('f1'));
    await eventually(() => expect(purges.counts.caught_up).toBe(1), WAIT);
  });

  it('are not held up by one that refuses', async () => {
    caller.answer = (_, { taskId }) =>
      taskId === A
        ? { outcome: 'failed', code: 'INVALID', message: 'no', isRetryable: false }
        : { outcome: 'absent' };
    await purge(A);
    await purge(B);
    purges.heard(hostMessage('f1'));
    await called('f1 delete_task a', 'f1 delete_task b');
  });
});
