import { type Incarnation, ManualLeaseClocks, parseIncarnation } from '@pondhawk/core';
import { MemoryLog } from '@pondhawk/observability';
import { LeaseGate } from './index.js';

const EPOCH = 'e1'.repeat(16);
const ONE = parseIncarnation('01'.repeat(16));
const LENGTH_MS = 4_000;

describe('LeaseGate', () => {
  let clocks: ManualLeaseClocks;
  let place: { epoch: string; applied: number };
  const gates: LeaseGate[] = [];

  beforeEach(() => {
    clocks = new ManualLeaseClocks();
    clocks.advance(1_000_000);
    place = { epoch: EPOCH, applied: 5 };
  });
  afterEach(() => gates.splice(0).forEach((gate) => gate.stop()));

  function gateOf(incarnation: Incarnation = ONE): LeaseGate {
    const gate = new LeaseGate({ incarnation, clocks, place: () => place, log: new MemoryLog() });
    gates.push(gate);
    return gate;
  }

  function grant(gate: LeaseGate, needs = 5): boolean {
    return gate.take({ ...gate.request(), epoch: EPOCH, needs, hostLeaseMs: LENGTH_MS });
  }

  it('is closed until a lease is granted, and open until it is over', () => {
    const gate = gateOf();
    expect([gate.isOpen, gate.leftMs]).toEqual([false, 0]);
    expect(grant(gate)).toBe(true);
    clocks.advance(LENGTH_MS - 1);
    expect([gate.isOpen, gate.leftMs]).toEqual([true, 1]);
    clocks.advance(1);
    expect([gate.isOpen, gate.leftMs]).toEqual([false, 0]);
    expect(() => gate.require()).toThrow('has lost its lease');
  });

  it('counts from when the request was sent, however late its answer comes', () => {
    const gate = gateOf();
    const request = gate.request();
    clocks.advance(LENGTH_MS);
    expect(gate.take({ ...request, epoch: EPOCH, needs: 0, hostLeaseMs: LENGTH_MS })).toBe(true);
    expect(gate.isOpen).toBe(false);
  });

  it('is closed by the clock that counts suspended time, and by a wall clock that leaps', () => {
    const gate = gateOf();
    grant(gate);
    clocks.suspend(LENGTH_MS);
    expect(gate.isOpen).toBe(false);
    grant(gate);
    clocks.shiftWall(LENGTH_MS);
    expect(gate.isOpen).toBe(false);
    grant(gate);
    clocks.shiftWall(-1);
    expect(gate.isOpen).toBe(false);
  });

  it('is closed while less is applied than the lease needs, and while another log is followed', () => {
    const gate = gateOf();
    grant(gate, 6);
    expect(gate.isOpen).toBe(false);
    place = { epoch: EPOCH, applied: 6 };
    expect(gate.isOpen).toBe(true);
    place = { epoch: 'e2'.repeat(16), applied: 6 };
    expect(gate.isOpen).toBe(false);
  });

  it('does not close at a grant that needs what is about to be applied', () => {
    const gate = gateOf();
    let closings = 0;
    gate.onClosed(() => (closings += 1));
    for (let applied = 5; applied < 15; applied += 1) {
      place = { epoch: EPOCH, applied };
      grant(gate, applied + 1);
      clocks.advance(1_000);
      if (applied > 5) expect([gate.isOpen, gate.leftMs]).toEqual([true, LENGTH_MS - 2_000]);
    }
    expect(closings).toBe(0);
  });

  it('has nothing of a former start of the daemon: no lease, and no open request', () => {
    const former = gateOf();
    const request = former.request();
    const next = gateOf(parseIncarnation('02'.repeat(16)));
    next.request();
    const answer = { ...request, epoch: EPOCH, needs: 0, hostLeaseMs: LENGTH_MS };
    expect(next.take(answer)).toBe(false);
    expect(next.isOpen).toBe(false);
  });

  it('tells of its closing in the turn in which it is seen, once', () => {
    const gate = gateOf();
    grant(gate);
    let closings = 0;
    const unlisten = gate.onClosed(() => (closings += 1));
    expect(gate.isOpen).toBe(true);
    clocks.advance(LENGTH_MS);
    expect([gate.isOpen, closings, gate.isOpen, closings]).toEqual([false, 1, false, 1]);
    grant(gate);
    unlisten();
    clocks.advance(LENGTH_MS);
    expect([gate.isOpen, closings]).toEqual([false, 1]);
  });

  it('is closed when no clock can be read', () => {
    const gate = gateOf();
    grant(gate);
    clocks.read = () => {
      throw new Error('unreadable');
    };
    expect(gate.isOpen).toBe(false);
  });
});
