import { choosePreheatHosts, choosePreheatSeed, type PreheatRule } from './preheat-hosts.js';

const SEEDS = ['s1', 's2', 's3'].map((id, index) => ({ id, ip: `10.0.1.${index}`, type: 'super' }));
const PEERS = Array.from({ length: 200 }, (_, index) => ({
  ...{ id: `h${index}`, ip: `10.0.0.${index % 100}`, type: 'normal' },
}));
const ALL = [...PEERS, ...SEEDS];
const TASKS = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
const choose = (rule: PreheatRule): string[] =>
  choosePreheatHosts(ALL, rule, TASKS).map(({ id }) => id);

describe('choosePreheatHosts', () => {
  it('takes the seed of each task, and the same one among any of the seeds that include it', () => {
    const chosen = choosePreheatHosts(ALL, { scope: 'single_seed_peer' }, TASKS);
    expect(new Set(chosen.map(({ type }) => type))).toEqual(new Set(['super']));
    expect(new Set(chosen).size).toBe(chosen.length);
    for (const task of TASKS) {
      expect(choosePreheatSeed(chosen, task)).toBe(choosePreheatSeed(SEEDS, task));
      expect(choosePreheatSeed([...SEEDS].reverse(), task)).toBe(choosePreheatSeed(SEEDS, task));
    }
    expect(choosePreheatHosts(PEERS, { scope: 'single_seed_peer' }, TASKS)).toEqual([]);
  });

  it('takes all seeds, or all hosts that are none', () => {
    expect(choose({ scope: 'all_seed_peers' })).toEqual(['s1', 's2', 's3']);
    expect(choose({ scope: 'all_peers' })).toHaveLength(200);
  });

  it.each([
    [{ count: 1 }, 1],
    [{ count: 199 }, 199],
    [{ count: 201 }, 200],
    [{ percentage: 1 }, 2],
    [{ percentage: 99 }, 198],
    [{ percentage: 100 }, 200],
    [{ count: 3, percentage: 100 }, 3],
    [{ ips: ['10.0.0.7', '10.0.1.0'], count: 1 }, 2],
    [{ ips: ['10.9.9.9'] }, 0],
  ])('by %j takes %i of 200 peers, the same each time', (rule, count) => {
    const chosen = choose({ scope: 'all_peers', ...rule });
    expect(chosen).toHaveLength(count);
    expect(choose({ scope: 'all_peers', ...rule })).toEqual(chosen);
  });

  it('takes at least one host by any percentage', () => {
    const rule = { scope: 'all_peers', percentage: 1 } as const;
    expect(choosePreheatHosts(PEERS.slice(0, 3), rule, TASKS)).toHaveLength(1);
  });
});
