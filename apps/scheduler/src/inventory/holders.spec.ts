import { pondhawkV1 } from '@pondhawk/contracts';
import type { HostId, TaskId } from '@pondhawk/core';
import {
  ABSENT_HOSTS_MAX,
  HOLDERS_PER_TASK_MAX,
  Holders,
  HOLDINGS_PER_HOST_MAX,
} from './holders.js';

const TASK = 'a'.repeat(64);
const taskOf = (index: number) => index.toString(16).padStart(64, '0');
const hostOf = (index: number) => `h-${index}` as HostId;
const told = (facts: { held?: string[]; gone?: string[]; isStart?: boolean; revision?: number }) =>
  pondhawkV1.SyncInventory.fromPartial({
    held: (facts.held ?? []).map((id) => Buffer.from(id, 'hex')),
    gone: (facts.gone ?? []).map((id) => Buffer.from(id, 'hex')),
    isStart: facts.isStart ?? false,
    isCurrent: facts.revision !== undefined,
    revision: BigInt(facts.revision ?? 0),
  });

describe('Holders', () => {
  it('remembers 300 hosts of a task, and takes another one when one of them has lost it', () => {
    const holders = new Holders();
    for (let index = 0; index <= HOLDERS_PER_TASK_MAX; index += 1) {
      holders.connect(hostOf(index), 'i');
      holders.take(hostOf(index), told({ isStart: true, held: [TASK], revision: 1 }));
    }
    expect(holders.size).toBe(HOLDERS_PER_TASK_MAX);
    const late = hostOf(HOLDERS_PER_TASK_MAX);
    expect(holders.has(late, TASK as TaskId)).toBe(false);
    holders.take(hostOf(0), told({ gone: [TASK], revision: 2 }));
    holders.take(late, told({ held: [TASK], revision: 2 }));
    expect(holders.has(late, TASK as TaskId)).toBe(true);
    expect(holders.size).toBe(HOLDERS_PER_TASK_MAX);
  });

  it('keeps what a host told while it has no stream, and counts nothing twice', () => {
    const holders = new Holders();
    const host = hostOf(1);
    holders.connect(host, 'i');
    holders.take(host, told({ isStart: true, held: [TASK, TASK], revision: 3 }));
    holders.disconnect(host);
    expect(holders.has(host, TASK as TaskId)).toBe(true);
    holders.connect(host, 'i');
    expect(holders.stateOf(host)).toEqual({ isKnown: true, revision: 3n });
    holders.take(host, told({ isStart: true, held: [TASK], revision: 4 }));
    expect(holders.size).toBe(1);
    holders.connect(host, 'other start');
    expect([holders.size, holders.stateOf(host).isKnown]).toEqual([0, false]);
  });

  it('forgets hosts without a stream to make room, the longest gone first, and then remembers no more', () => {
    const holders = new Holders(3);
    for (const index of [1, 2, 3]) {
      holders.connect(hostOf(index), 'i');
      holders.take(hostOf(index), told({ isStart: true, held: [taskOf(index)], revision: 1 }));
    }
    holders.disconnect(hostOf(2));
    holders.disconnect(hostOf(1));
    holders.take(hostOf(3), told({ held: [taskOf(4)], revision: 2 }));
    const has = (index: number) => holders.has(hostOf(index), taskOf(index) as TaskId);
    expect([has(1), has(2), has(3)]).toEqual([true, false, true]);
    holders.take(hostOf(3), told({ held: [taskOf(5), taskOf(6)], revision: 3 }));
    expect([has(1), has(3), holders.size]).toEqual([false, true, 3]);
    // What was not remembered is told all the same.
    expect(holders.stateOf(hostOf(3)).revision).toBe(3n);
  });

  it('keeps inventories of so many hosts without a stream, and so many tasks of one host', () => {
    const holders = new Holders();
    for (let index = 0; index <= ABSENT_HOSTS_MAX; index += 1) {
      holders.connect(hostOf(index), 'i');
      holders.take(hostOf(index), told({ isStart: true, held: [taskOf(index)], revision: 1 }));
      holders.disconnect(hostOf(index));
    }
    expect(holders.size).toBe(ABSENT_HOSTS_MAX);
    expect(holders.has(hostOf(0), taskOf(0) as TaskId)).toBe(false);
    const greedy = 'greedy' as HostId;
    holders.connect(greedy, 'i');
    const before = holders.size;
    for (let index = 0; index < HOLDINGS_PER_HOST_MAX + 2_000; index += 2_000) {
      const held = Array.from({ length: 2_000 }, (_, offset) => taskOf(1_000_000 + index + offset));
      holders.take(greedy, told({ held }));
    }
    expect(holders.size - before).toBe(HOLDINGS_PER_HOST_MAX);
  });

  it('takes nothing of a message of which a part is nonsense, nor of a host without a stream', () => {
    const holders = new Holders();
    const host = hostOf(1);
    holders.take(host, told({ isStart: true, held: [TASK], revision: 1 }));
    holders.connect(host, 'i');
    expect(() => holders.take(host, told({ held: [TASK, 'abcd'] }))).toThrow('32 bytes');
    expect(holders.size).toBe(0);
  });
});
