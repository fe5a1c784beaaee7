/** Which hosts a preheat brings its tasks to. The same task and the same hosts give the same choice. */

import { createHash } from 'node:crypto';
import { assert } from '@pondhawk/core';

/** Where to: the seed peer of each task, all seed peers, or all hosts that are none. */
export const PreheatScope = {
  SingleSeedPeer: 'single_seed_peer',
  AllSeedPeers: 'all_seed_peers',
  AllPeers: 'all_peers',
} as const;
/** One of the scopes. */
export type PreheatScope = (typeof PreheatScope)[keyof typeof PreheatScope];

/** All scopes. */
export const PREHEAT_SCOPES: readonly PreheatScope[] = Object.values(PreheatScope);

/** Which of the hosts in scope: those of `ips`, else `count` of them, else `percentage`, else all. */
export interface PreheatRule {
  readonly scope: PreheatScope;
  readonly ips?: readonly string[];
  /** From 1; more than there are means all. */
  readonly count?: number;
  /** 1 to 100; rounded down, but at least one host. */
  readonly percentage?: number;
}

/** What is known of a host. */
export interface PreheatHost {
  readonly id: string;
  readonly ip: string;
  /** `super`: a seed peer. */
  readonly type: string;
}

/** The hosts of a preheat among those that are connected; none if none is meant. */
export function choosePreheatHosts<H extends PreheatHost>(
  connected: readonly H[],
  rule: PreheatRule,
  taskIds: readonly string[],
): readonly H[] {
  const wantsSeeds = rule.scope !== PreheatScope.AllPeers;
  const inScope = connected.filter(({ type }) => (type === 'super') === wantsSeeds);
  if (rule.scope === PreheatScope.SingleSeedPeer) {
    if (inScope.length === 0) return [];
    return [...new Set(taskIds.map((taskId) => choosePreheatSeed(inScope, taskId)))];
  }
  const { ips, count, percentage } = rule;
  if (ips !== undefined) return inScope.filter(({ ip }) => ips.includes(ip));
  const limit =
    count ??
    (percentage === undefined
      ? inScope.length
      : Math.max(1, Math.floor((inScope.length * percentage) / 100)));
  if (limit >= inScope.length) return inScope;
  return byWeight(inScope, taskIds[0] ?? '').slice(0, limit);
}

/**
 * The seed peer of a task: highest first 8 bytes of sha256(host id + LF + task id). Among any of the
 * seeds that include it the choice is the same.
 *
 * @throws InvariantError without a seed.
 */
export function choosePreheatSeed<H extends { readonly id: string }>(
  seeds: readonly H[],
  taskId: string,
): H {
  const [first] = byWeight(seeds, taskId);
  assert(first !== undefined, 'A seed is chosen from at least one.');
  return first;
}

/** Heaviest first, ties by id. */
function byWeight<H extends { readonly id: string }>(hosts: readonly H[], key: string): H[] {
  return hosts
    .map((host) => ({
      host,
      weight: createHash('sha256').update(`${host.id}\n${key}`).digest().readBigUInt64BE(0),
    }))
    .sort((left, right) => {
      if (left.weight !== right.weight) return left.weight > right.weight ? -1 : 1;
      return left.host.id < right.host.id ? -1 : 1;
    })
    .map(({ host }) => host);
}
