import { ManualClock, type TaskId, parseTaskId } from '@pondhawk/core';
import {
  HostCopies,
  HostLease,
  LeaseAccount,
  ViewKeeper,
  acceptPurge,
  boundMs,
  emptyLedger,
  endPurges,
  enrolHost,
  fenceTargets,
  loseConnection,
  openLedger,
  recordAnswer,
  truncateLog,
} from './index.js';

const TASK: TaskId = parseTaskId('ab'.repeat(32));
const TIMING = { schedulerLeaseMs: 40, hostLeaseMs: 40, marginMs: 20 };
const READING = { epoch: 'e1', run: 'r1', head: 3 };
const HOST = { hostId: 'h', incarnation: 'i', lock: 'l' };
const ROW = { ...HOST, connection: 'c1', scheduler: 's1' };

function readings(
  clock: ManualClock,
  asleepMs = 0,
): () => {
  monotonicMs: number;
  sinceBootMs: number;
  wallMs: number;
} {
  return () => ({
    monotonicMs: clock.monotonicMs() - asleepMs,
    sinceBootMs: clock.monotonicMs(),
    wallMs: clock.nowMs(),
  });
}

describe('HostLease', () => {
  it('runs from when its request was sent, and only for a host that has applied what it needs', () => {
    const clock = new ManualClock();
    const lease = new HostLease('i', readings(clock));
    const request = lease.request();
    clock.advance(30);
    expect(lease.take({ ...request, epoch: 'e1', needs: 3, hostLeaseMs: 40 })).toBe(true);
    expect(lease.isValid({ epoch: 'e1', applied: 2 })).toBe(false);
    expect(lease.isValid({ epoch: 'e2', applied: 3 })).toBe(false);
    expect(lease.isValid({ epoch: 'e1', applied: 3 })).toBe(true);
    clock.advance(10);
    expect(lease.isValid({ epoch: 'e1', applied: 3 })).toBe(false);
  });

  it('goes on until a newer grant is met, and no longer than its own time', () => {
    const clock = new ManualClock();
    const lease = new HostLease('i', readings(clock));
    const take = (needs: number) =>
      lease.take({ ...lease.request(), epoch: 'e1', needs, hostLeaseMs: 40 });
    take(3);
    clock.advance(20);
    take(4);
    expect(lease.isValid({ epoch: 'e1', applied: 3 })).toBe(true);
    expect(lease.leftMs({ epoch: 'e1', applied: 3 })).toBe(20);
    clock.advance(15);
    take(5); // Never looked at while 4 was applied and 5 was not known.
    clock.advance(5);
    expect(lease.isValid({ epoch: 'e1', applied: 3 })).toBe(false);
    expect(lease.leftMs({ epoch: 'e1', applied: 4 })).toBe(20);
    expect(lease.leftMs({ epoch: 'e1', applied: 5 })).toBe(35);
    expect(lease.isValid({ epoch: 'e2', applied: 5 })).toBe(false);
  });

  it('is over once a clock that counts suspended time says so', () => {
    const clock = new ManualClock();
    let asleepMs = 0;
    const lease = new HostLease('i', () => readings(clock, asleepMs)());
    lease.take({ ...lease.request(), epoch: 'e1', needs: 0, hostLeaseMs: 40 });
    asleepMs = 40;
    clock.advance(40);
    expect(lease.isValid({ epoch: 'e1', applied: 0 })).toBe(false);
  });

  it('takes no answer twice, none older than the last, none of another incarnation', () => {
    const lease = new HostLease('i', readings(new ManualClock()));
    const [first, second] = [lease.request(), lease.request()];
    const named = { epoch: 'e1', needs: 0, hostLeaseMs: 40 };
    expect(lease.take({ ...second, ...named, incarnation: 'other' })).toBe(false);
    expect(lease.take({ ...second, ...named })).toBe(true);
    expect(lease.take({ ...second, ...named })).toBe(false);
    expect(lease.take({ ...first, ...named })).toBe(false);
  });
});

describe('ViewKeeper', () => {
  it('grants while its view is young, of one run and log id, and its log reaches it', () => {
    const clock = new ManualClock();
    const keeper = new ViewKeeper(readings(clock));
    const request = { incarnation: 'i', number: 1 };
    const log = { epoch: 'e1', head: 3 };
    expect(keeper.grant(request, READING, log)).toBe('NO_VIEW');
    const [older, newer] = [keeper.request(), keeper.request()];
    expect(keeper.take(newer, READING, TIMING)).toBe(true);
    expect(keeper.take(older, { ...READING, head: 9 }, TIMING)).toBe(false);
    expect(keeper.grant(request, undefined, log)).toBe('NOT_ENROLLED');
    expect(keeper.grant(request, { ...READING, run: 'r2' }, log)).toBe('OTHER_RUN');
    expect(keeper.grant(request, READING, { ...log, head: 2 })).toBe('LOG_BEHIND');
    const granted = { ...request, epoch: 'e1', needs: 5, hostLeaseMs: 40 };
    expect(keeper.grant(request, { ...READING, head: 5 }, log)).toEqual(granted);
    clock.advance(40);
    expect(keeper.grant(request, READING, log)).toBe('VIEW_OLD');
  });
});

describe('a view', () => {
  it('is over once a clock that counts suspended time says so', () => {
    const clock = new ManualClock();
    let asleepMs = 0;
    const keeper = new ViewKeeper(() => readings(clock, asleepMs)());
    keeper.take(keeper.request(), READING, TIMING);
    asleepMs = 40;
    clock.advance(40);
    const request = { incarnation: 'i', number: 1 };
    expect(keeper.grant(request, READING, { epoch: 'e1', head: 3 })).toBe('VIEW_OLD');
  });
});

describe('HostCopies', () => {
  it('marks older copies and fills, once and in order, and completes none of them', () => {
    const host = new HostCopies({ epoch: 'e1', applied: 0 });
    const { log, entries } = acceptPurge(emptyLedger('e1'), TASK, () => true);
    host.begin('old', TASK);
    expect(host.apply('e1', [{ seq: 2, taskId: TASK, chainHash: '' }])).toBe(0);
    expect(host.apply('e1', entries)).toBe(1);
    host.begin('new', TASK);
    expect(host.apply('e1', entries)).toBe(0);
    expect([host.complete('old'), host.complete('new')]).toEqual([false, true]);
    expect(host.follow(log)).toBe(false);
    expect(host.follow({ ...log, epoch: 'e2' })).toBe(true);
    expect(host.copies.map(({ state }) => state)).toEqual(['purged', 'purged']);
  });

  it('drops all when the log no longer reaches back to it', () => {
    const host = new HostCopies({ epoch: 'e1', applied: 0 });
    host.begin('fill', TASK);
    expect(host.follow({ epoch: 'e1', first: 2, head: 4, headHash: '' })).toBe(true);
    expect(host.place.applied).toBe(4);
    expect(host.fillOf({ taskId: TASK, copyId: 'fill' })).toBeUndefined();
  });
});

describe('the ledger', () => {
  it('ends a purge with the last answer, or one bound after its commit', () => {
    const clock = new ManualClock();
    const account = new LeaseAccount(
      () => TIMING,
      () => clock.monotonicMs(),
    );
    clock.advance(boundMs(TIMING));
    account.noteView('s1');
    let state = enrolHost(emptyLedger('e1'), ROW);
    state = acceptPurge(state, TASK, (row) => account.isLeased(row));
    account.noteCommit(1);
    const end = (): boolean =>
      endPurges(
        fenceTargets(state, (purge, target) => account.isFenced(purge, target, state.rows)),
        (purge) => account.mayEnd(purge),
      ).purges[0]!.isEnded;
    expect(end()).toBe(false);
    const answer = { ...HOST, epoch: 'e1', applied: 1 };
    const unanswered = state;
    state = recordAnswer(state, { ...answer, incarnation: 'clone', lock: 'other' });
    expect(end()).toBe(false);
    state = recordAnswer(state, { ...answer, incarnation: 'next' });
    expect(end()).toBe(true);
    state = loseConnection(unanswered, 'c1');
    account.noteLost('c1');
    clock.advance(TIMING.hostLeaseMs + TIMING.marginMs - 1);
    expect(end()).toBe(false);
    clock.advance(1);
    expect(end()).toBe(true);
  });

  it('counts a row for which another manager answered from when it first sees so', () => {
    const clock = new ManualClock();
    const account = new LeaseAccount(
      () => TIMING,
      () => clock.monotonicMs(),
    );
    const row = { ...ROW, isLost: false };
    account.seeViews('s1', 1);
    clock.advance(boundMs(TIMING));
    expect(account.isLeased(row)).toBe(false);
    account.seeReplaced('s1'); // Perhaps after a view that only the other one knows of.
    expect(account.isLeased(row)).toBe(true);
    clock.advance(boundMs(TIMING) - 1);
    account.seeReplaced('s1');
    expect(account.isLeased(row)).toBe(true);
    clock.advance(1);
    expect(account.isLeased(row)).toBe(false);
  });

  it('takes a new log id, above every number ever given, when it went back', () => {
    const backup = acceptPurge(emptyLedger('e1'), TASK, () => false);
    expect(openLedger(backup, { epoch: 'e1', head: 1, waiver: 0 }, 'e2')).toBe(backup);
    const opened = openLedger(backup, { epoch: 'e1', head: 7, waiver: 0 }, 'e2');
    expect(opened.log).toEqual({ epoch: 'e2', first: 8, head: 7, headHash: '' });
    expect(openLedger(backup, undefined, 'e2').log.epoch).toBe('e2');
    const forgotten = openLedger(backup, { epoch: 'e1', head: 1, waiver: 2 }, 'e2');
    expect([forgotten.log.epoch, forgotten.waiver]).toEqual(['e2', { number: 2, isGiven: false }]);
    expect(truncateLog(backup, 9).log.first).toBe(2);
  });
});
