import { parseTaskId } from '@pondhawk/core';
import { HostCopies, type PurgeRules } from '@pondhawk/purge';
import { FAULTS } from './faults.js';
import { REAL_PARTS } from './parts.js';
import { type RunResult, runSchedule } from './run-schedule.js';

const SEEDS = 40;
const real = REAL_PARTS.rules;
/** Order, entry, answer, and the answer passed on, with a disk between them. */
const UNTIMED_PURGE_MS = 4 * 8 + 4;

function runs(weaker: Partial<PurgeRules> = {}, faults: readonly string[] = []): RunResult[] {
  const without = FAULTS.filter((fault) => !faults.includes(fault));
  const parts = { ...REAL_PARTS, rules: { ...real, ...weaker } };
  return Array.from({ length: SEEDS }, (_, at) => runSchedule({ seed: at + 1, without, parts }));
}

function slowest(results: readonly RunResult[]): number {
  return Math.max(...results.map(({ slowestPurgeMs }) => slowestPurgeMs));
}

describe('when nothing fails', () => {
  it('every purge ends by answers alone, and waits for no timer', () => {
    const results = runs();
    for (const { broken, coverage } of results) {
      expect(broken).toBeUndefined();
      expect(coverage.fenced).toBe(0);
    }
    const accepted = results.reduce((sum, { coverage }) => sum + coverage.accepted, 0);
    expect(accepted).toBeGreaterThan(SEEDS);
    expect(slowest(results)).toBeLessThanOrEqual(UNTIMED_PURGE_MS);
  });

  it('that is noticed when orders do not come, and purges wait for the next view', () => {
    expect(slowest(runs({}, ['brokerWipe']))).toBeGreaterThan(UNTIMED_PURGE_MS);
  });

  it('a stream of purges takes no lease away', () => {
    for (const { leasedShare } of runs()) expect(leasedShare).toBe(1);
  });

  it('that is noticed when a grant needs the purge that comes next', () => {
    const shares = runs({ neededBy: (view) => view.head + 1 }).map((run) => run.leasedShare);
    expect(Math.min(...shares)).toBeLessThan(1);
  });
});

describe('a copy that was filled after a purge', () => {
  const taskId = parseTaskId('a'.repeat(64));
  const entry = { seq: 1, taskId, chainHash: 'h1' };
  const log = { epoch: 'e', first: 1, head: 1, headHash: 'h1' };

  /** Whether it is there, and a parent, after the entry came again by another home. */
  function survives(weaker: Partial<PurgeRules> = {}): boolean {
    const rules = { ...real, ...weaker };
    const host = new HostCopies({ epoch: 'e', applied: 0 }, [], rules);
    host.follow(log);
    host.apply('e', [entry]);
    host.begin('fresh', taskId);
    host.complete('fresh');
    host.follow({ ...log, head: 0, headHash: '' });
    host.apply('e', [entry]);
    host.follow({ ...log, head: 2, headHash: 'h2' });
    host.apply('e', [entry, { seq: 2, taskId: parseTaskId('b'.repeat(64)), chainHash: 'h2' }]);
    return rules.answerToChild(host.place, host.copies[0], { epoch: 'e', applied: 2 }) === 'SEND';
  }

  it('survives redelivery and a change of home, and is a parent', () => {
    expect(survives()).toBe(true);
  });

  it.each<[string, Partial<PurgeRules>]>([
    [
      'each home taken for another log',
      { mustDropAll: (host, { first }) => host.applied >= first },
    ],
    ['parents that are not asked for', { answerToChild: () => 'GONE' }],
  ])('does not, with %s', (_name, weaker) => {
    expect(survives(weaker)).toBe(false);
  });
});
