import { ManualClock, type TaskId, parseTaskId } from '@pondhawk/core';
import {
  HostLease,
  type LedgerState,
  ViewKeeper,
  type Waiver,
  acceptPurge,
  changeWaiver,
  emptyLedger,
  endMark,
  endPurges,
  enrolHost,
  failTargets,
  fenceTargets,
  finalityOf,
  finalityReasons,
  recordAnswer,
} from './index.js';

const TASK: TaskId = parseTaskId('ab'.repeat(32));
const TIMING = { schedulerLeaseMs: 40, hostLeaseMs: 40, marginMs: 20 };
const HOST = { hostId: 'h', incarnation: 'i', lock: 'l' };
const ROW = { ...HOST, connection: 'c1', scheduler: 's1' };
const given = (number: number): Waiver => ({ number, isGiven: true });
const refused = (number: number): Waiver => ({ number, isGiven: false });

describe('a host with a waiver', () => {
  let clock: ManualClock;
  let lease: HostLease;
  beforeEach(() => {
    clock = new ManualClock();
    lease = new HostLease('i', () => ({
      monotonicMs: clock.monotonicMs(),
      sinceBootMs: clock.monotonicMs(),
      wallMs: clock.nowMs(),
    }));
  });

  const take = (needs: number, waiver?: Waiver, epoch = 'e1'): boolean =>
    lease.take({
      ...lease.request(),
      ...{ epoch, needs, hostLeaseMs: 40 },
      ...(waiver === undefined ? {} : { waiver }),
    });
  const serves = (applied: number, epoch = 'e1'): boolean => lease.mayServe({ epoch, applied });

  it('serves on when its lease is over, and not before it has applied what the first grant needed', () => {
    take(3, given(1));
    clock.advance(1_000);
    expect([serves(2), serves(3), lease.isValid({ epoch: 'e1', applied: 3 })]).toEqual([
      false,
      true,
      false,
    ]);
    take(9, given(1));
    clock.advance(1_000);
    expect(serves(3)).toBe(true);
    expect(serves(3, 'e2')).toBe(false);
  });

  it('serves under leases alone once it was told otherwise, whatever an older grant says', () => {
    take(3, given(1));
    take(3, refused(2));
    take(3, given(1));
    clock.advance(39);
    expect([serves(3), lease.waiverOf('e1').number]).toEqual([true, 2]);
    clock.advance(1);
    expect(serves(3)).toBe(false);
    take(3, given(3));
    clock.advance(1_000);
    expect(serves(3)).toBe(true);
  });

  it('holds it for one log id, and under another one neither that nor any older number', () => {
    take(3, refused(2), 'e2');
    take(3, given(7), 'e1');
    clock.advance(1_000);
    expect([serves(3, 'e1'), serves(3, 'e2')]).toEqual([true, false]);
    take(3, given(1), 'e2');
    clock.advance(1_000);
    expect([serves(3, 'e1'), serves(3, 'e2')]).toEqual([false, false]);
    take(3, given(7), 'e1'); // It may have said under e2 that it is over.
    clock.advance(1_000);
    expect(serves(3, 'e1')).toBe(false);
  });

  it('has none before a grant, none of a former start, and none after it was given up', () => {
    expect(serves(9)).toBe(false);
    const request = lease.request();
    const grant = { ...request, epoch: 'e1', needs: 0, hostLeaseMs: 40, waiver: given(1) };
    expect(lease.take({ ...grant, incarnation: 'former' })).toBe(false);
    expect(lease.take(grant)).toBe(true);
    lease.surrender();
    expect(serves(9)).toBe(false);
  });
});

describe('a grant', () => {
  it('says what view or enrolment has read later', () => {
    const keeper = new ViewKeeper(() => ({ monotonicMs: 0, sinceBootMs: 0, wallMs: 0 }));
    const reading = { epoch: 'e1', run: 'r1', head: 3 };
    const granted = (seen: Waiver | undefined, enrolled: Waiver | undefined): unknown => {
      const view = seen === undefined ? reading : { ...reading, waiver: seen };
      const enrolment = enrolled === undefined ? reading : { ...reading, waiver: enrolled };
      keeper.take(keeper.request(), view, TIMING);
      const grant = keeper.grant({ incarnation: 'i', number: 1 }, enrolment, reading);
      return typeof grant === 'string' ? grant : grant.waiver;
    };
    expect(granted(undefined, undefined)).toBeUndefined();
    expect(granted(given(1), undefined)).toEqual(given(1));
    // The enrolment came after the change back, and wrote no mark.
    expect(granted(given(1), refused(2))).toEqual(refused(2));
    expect(granted(refused(2), given(1))).toEqual(refused(2));
    expect(granted(given(3), refused(2))).toEqual(given(3));
  });
});

describe('a ledger whose cluster allows it', () => {
  const accept = (state: LedgerState): LedgerState => acceptPurge(state, TASK, () => true);
  const fence = (state: LedgerState): LedgerState => fenceTargets(state, () => true);
  const outcomes = (state: LedgerState): unknown =>
    state.purges.map(({ targets }) => targets.map(({ outcome }) => outcome));
  const told = (waiver: Waiver) => ({ incarnation: 'i', epoch: 'e1', waiver });

  it('marks whoever is connected before anybody can be told, and whoever comes', () => {
    let state = enrolHost(emptyLedger('e1'), ROW);
    expect(state.marks).toEqual([]);
    state = changeWaiver(state, true);
    expect(state.marks).toEqual([{ ...HOST, number: 1 }]);
    state = enrolHost(state, { ...ROW, hostId: 'g', incarnation: 'j', connection: 'c2', lock: '' });
    expect(state.marks.map(({ incarnation }) => incarnation)).toEqual(['i', 'j']);
    expect(changeWaiver(state, true)).toBe(state);
  });

  it('has whoever is marked as a target without any row, never fenced, failed if it is silent', () => {
    let state = changeWaiver(enrolHost(emptyLedger('e1'), ROW), true);
    state = accept({ ...state, rows: [] });
    expect(outcomes(fence(state))).toEqual([['pending']]);
    expect(endPurges(fence(state), () => true).purges[0]?.isEnded).toBe(false);
    const failed = endPurges(
      failTargets(state, () => true),
      () => true,
    );
    expect([failed.purges[0]?.isEnded, failed.purges[0]?.isPromised]).toEqual([true, false]);
    expect(outcomes(failed)).toEqual([['failed']]);
    const answered = recordAnswer(state, { ...HOST, epoch: 'e1', applied: 1 });
    expect(outcomes(answered)).toEqual([['answered']]);
  });

  it('promises nothing until the last mark is gone, and fences then', () => {
    let state = changeWaiver(enrolHost(emptyLedger('e1'), ROW), true);
    state = changeWaiver(state, false);
    expect(accept(state).purges[0]?.isPromised).toBe(false);
    for (const early of [told(given(1)), told(refused(1)), { ...told(refused(2)), epoch: 'e0' }])
      expect(endMark(state, early).marks).toHaveLength(1);
    const done = endMark(state, told(refused(2)));
    expect(done.marks).toEqual([]);
    expect(accept(done).purges[0]?.isPromised).toBe(true);
    expect(outcomes(fence(accept(done)))).toEqual([['fenced']]);
    // Allowed again in between: what was said before the change says nothing of it.
    const again = endMark(changeWaiver(state, true), told(refused(2)));
    expect(again.marks).toEqual([{ ...HOST, number: 3 }]);
  });

  it('takes the mark of a start that another one says it has outlived, and of no other', () => {
    let state = changeWaiver(enrolHost(emptyLedger('e1'), ROW), true);
    state = changeWaiver(state, false);
    const next = { ...ROW, incarnation: 'k', connection: 'c2' };
    // The lock alone does not tell which of two starts came first.
    for (const other of [[], ['l'], ['x']])
      expect(enrolHost(state, next, other).marks).toHaveLength(1);
    expect(enrolHost(state, next, ['x', 'i']).marks).toEqual([]);
  });

  it('is named as the reason', () => {
    const none = { foreignHosts: 0, allowsForeignParents: false };
    const reasons = (isWaiverGiven: boolean, waivedDaemons: number) =>
      finalityReasons({ ...none, isWaiverGiven, waivedDaemons });
    expect(reasons(false, 0)).toEqual([]);
    expect(reasons(true, 0)).toEqual(['SERVE_WITHOUT_LEASE']);
    expect(reasons(false, 1)).toEqual(['SERVE_WITHOUT_LEASE']);
    expect(finalityOf(reasons(false, 1))).toBe('best_effort');
  });
});
