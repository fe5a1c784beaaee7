/** Who may be whose parent, and who is the better one. */

import type { PeerId, RandomSource } from '@pondhawk/core';
import { canServe, isUnderWay } from './peer-state.js';
import type { SwarmLimits } from './swarm-limits.js';
import type { SwarmHost, SwarmPeer, SwarmTask } from './swarm-model.js';

/** Whether an edge from parent to child would close a cycle. */
export type CycleCheck = (task: SwarmTask, parent: SwarmPeer, child: SwarmPeer) => boolean;

/** What a choice is made from. */
export interface ParentChoice {
  readonly task: SwarmTask;
  readonly child: SwarmPeer;
  readonly hosts: ReadonlyMap<string, SwarmHost>;
  readonly limits: SwarmLimits;
  readonly random: RandomSource;
  readonly wouldCycle: CycleCheck;
}

const LOCATION_PARTS_MAX = 5;

/** The child's parents, best first; empty if nobody can serve it at the moment. */
export function chooseParents(choice: ParentChoice): SwarmPeer[] {
  const { task, child, limits, random } = choice;
  const usable = [...task.peers.values()].filter((peer) => isUsable(peer, choice));
  return sample(usable, limits.filterParentLimit, random)
    .map((peer) => ({ peer, score: score(peer, child, choice) }))
    .sort((a, b) => b.score - a.score)
    .slice(0, limits.candidateParentLimit)
    .map(({ peer }) => peer);
}

/** Whether parent can be reached from child by going from parents to children. */
export const wouldCycle: CycleCheck = (task, parent, child) => {
  const seen = new Set<PeerId>();
  const open: PeerId[] = [child.id];
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    if (id === parent.id) return true;
    if (seen.has(id)) continue;
    seen.add(id);
    for (const next of task.peers.get(id)?.children ?? []) open.push(next);
  }
  return false;
};

/**
 * R2: whether a child may get bytes from a host. One that cannot say where it stands in the purge log
 * might hand purged bytes to a copy that counts as newer, so it is no parent for a host that can.
 */
export function maySupply(
  supplier: Pick<SwarmHost, 'isGuarded'> | undefined,
  childHost: Pick<SwarmHost, 'isGuarded'> | undefined,
  { allowsForeignParents }: Pick<SwarmLimits, 'allowsForeignParents'>,
): boolean {
  return allowsForeignParents || childHost?.isGuarded !== true || supplier?.isGuarded === true;
}

/** Whether somebody else fetches the task from its origin, or a seed was asked to, and could still serve the child. */
export function isBeingFetched({
  task,
  child,
  hosts,
  limits,
}: Pick<ParentChoice, 'task' | 'child' | 'hosts' | 'limits'>): boolean {
  const childHost = hosts.get(child.hostId);
  const isSeedAwaited = task.askedSeed !== undefined && childHost?.isSeed !== true;
  if (isSeedAwaited && maySupply(hosts.get(task.askedSeed ?? ''), childHost, limits)) return true;
  return [...task.peers.values()].some((peer) => {
    if (peer.hostId === child.hostId || peer.state !== 'BackToSource') return false;
    const host = hosts.get(peer.hostId);
    const isShared = host?.isShared === true && !child.blockedParents.has(peer.id);
    return isShared && maySupply(host, childHost, limits);
  });
}

function isUsable(peer: SwarmPeer, choice: ParentChoice): boolean {
  const { task, child, hosts, limits } = choice;
  const host = hosts.get(peer.hostId);
  if (!maySupply(host, hosts.get(child.hostId), limits)) return false;
  if (peer.hostId === child.hostId || child.blockedParents.has(peer.id)) return false;
  if (host?.isShared !== true || peer.children.size >= host.uploadLimit) return false;
  return (
    hasSomething(peer, task) && !peer.pieceCosts.isLastSlow && !choice.wouldCycle(task, peer, child)
  );
}

/** Whether the peer has, or will have, pieces of the version that the task has now. */
function hasSomething(peer: SwarmPeer, { content }: SwarmTask): boolean {
  if (!canServe(peer.state)) return false;
  // A peer under way without parents has nothing and gets nothing.
  if (isUnderWay(peer.state) && peer.parents.size === 0) return false;
  return peer.version === undefined || content === undefined || peer.version === content.version;
}

/** 0.6 load, 0.2 same idc, 0.1 common location, 0.1 kind of host. */
function score(peer: SwarmPeer, child: SwarmPeer, { hosts }: ParentChoice): number {
  const host = hosts.get(peer.hostId);
  const childHost = hosts.get(child.hostId);
  if (host === undefined) return 0;
  const load = 1 - peer.children.size / Math.max(host.uploadLimit, 1);
  const idc = host.idc !== '' && host.idc === childHost?.idc ? 1 : 0;
  const seedIsFetching = host.isSeed && !isDone(peer);
  const kind = host.isSeed ? Number(seedIsFetching) : 0.5;
  return 0.6 * load + 0.2 * idc + 0.1 * commonLocation(host, childHost) + 0.1 * kind;
}

function isDone(peer: SwarmPeer): boolean {
  return peer.state === 'Succeeded';
}

function commonLocation(a: SwarmHost, b: SwarmHost | undefined): number {
  let equal = 0;
  while (
    equal < LOCATION_PARTS_MAX &&
    a.location[equal] !== undefined &&
    a.location[equal] === b?.location[equal]
  ) {
    equal += 1;
  }
  return equal / LOCATION_PARTS_MAX;
}

/** `count` of the items, each as likely as the others. */
function sample<T>(items: readonly T[], count: number, random: RandomSource): T[] {
  const pool = [...items];
  const taken: T[] = [];
  while (taken.length < count && pool.length > 0) {
    taken.push(...pool.splice(Math.floor(random() * pool.length), 1));
  }
  return taken;
}
