/** Faults in a row, as they come in bad days: what a row of independent ones would hardly ever hit. */

import type { TaskId } from '@pondhawk/core';
import type { SimForeign } from './sim-foreign.js';
import type { SimHost } from './sim-host.js';
import type { SimManager } from './sim-manager.js';
import type { NewsKind, SimScheduler } from './sim-scheduler.js';
import type { SimNode, World } from './world.js';

/** The daemons of a run. */
export interface Fleet {
  readonly manager: SimManager;
  readonly schedulers: SimScheduler[];
  readonly hosts: SimHost[];
  readonly foreign: SimForeign[];
  readonly tasks: TaskId[];
}

const LOOK_MS = 5;
/** A daemon that has crashed is back within this. */
export const RESTART_MS_MAX = 900;

/** A daemon crashes and is started again after a while; some crash again at once. */
export function crash(world: World, node: SimNode, restart: () => void): void {
  if (!node.isUp) return;
  node.isUp = false;
  node.life += 1;
  const ms =
    node.name !== 'manager' && world.prng.chance(0.4)
      ? world.prng.between(300, RESTART_MS_MAX)
      : world.prng.between(1, 200);
  world.plan(world.now + ms, () => {
    if (node.isUp) return;
    restart();
    if (node.name !== 'manager' && world.prng.chance(0.3))
      world.planTrouble(world.prng.between(20, 200), () => crash(world, node, restart));
  });
}

/**
 * A host is cut off from all schedulers until no row of it counts as leased, and comes back to one that
 * has just restarted or slept, and hears nothing new. Meanwhile something that it holds is purged.
 */
export function comeBack(world: World, { manager, hosts, schedulers }: Fleet): void {
  const { prng } = world;
  const host = prng.pick(hosts);
  const home = prng.pick(schedulers);
  if (host === undefined || home === undefined) return;
  const awayMs = prng.chance(0.4) ? prng.between(50, 500) : prng.between(500, 800);
  isolate(world, { host, schedulers }, awayMs);
  if (prng.chance(0.25)) {
    host.home.breakConnection(host.hostId);
    orderHeld(world, manager, host, prng.between(0, 100));
  }
  world.planTrouble(awayMs - prng.between(0, 50), () => {
    stallSome(world, home, prng.between(100, 450));
    if (prng.chance(0.4)) restartAtOnce(world, home, () => home.start());
    else if (prng.chance(0.5)) world.suspend(home, prng.between(100, 700), ['monotonicMs']);
  });
  world.plan(world.now + awayMs, () => host.moveTo(home));
  if (prng.chance(0.3)) orderHeld(world, manager, host, awayMs + prng.between(-80, 20));
  else {
    const isLeasedAgain = (): boolean => host.isUp && host.isLeased;
    when(world, { fromMs: awayMs, forMs: 400 }, isLeasedAgain, () => {
      if (prng.chance(0.7)) isolate(world, { host, schedulers }, prng.between(100, 300));
      orderHeld(world, manager, host, prng.between(0, 30));
    });
  }
}

/** A scheduler hears nothing new of some kinds for a while. */
export function stallSome({ prng }: World, scheduler: SimScheduler, ms: number): void {
  const kinds: NewsKind[] = [];
  if (prng.chance(0.8)) kinds.push('views');
  if (prng.chance(0.4)) kinds.push('entries');
  if (prng.chance(0.3)) kinds.push('rows');
  scheduler.stall(kinds, ms);
}

function isolate(
  world: World,
  { host, schedulers }: { readonly host: SimHost; readonly schedulers: readonly SimScheduler[] },
  ms: number,
): void {
  for (const scheduler of schedulers) world.cut(host, scheduler);
  world.plan(world.now + ms, () => {
    for (const scheduler of schedulers) world.heal(host, scheduler);
  });
}

/** Does something as soon as something is so, if it is within a time. */
function when(
  world: World,
  { fromMs, forMs }: { readonly fromMs: number; readonly forMs: number },
  isSo: () => boolean,
  act: () => void,
): void {
  world.planTrouble(fromMs, () => {
    if (isSo()) act();
    else if (forMs > 0) when(world, { fromMs: LOOK_MS, forMs: forMs - LOOK_MS }, isSo, act);
  });
}

/** A host lives shortly, and is started again; what its first life is still to hear comes to the second. */
export function flap(world: World, { hosts, schedulers }: Fleet): void {
  const { prng } = world;
  const host = prng.pick(hosts);
  if (host?.isUp !== true) return;
  restartAtOnce(world, host, () => {
    host.start();
    host.holdAnswers(prng.between(100, 400));
    world.planTrouble(prng.between(20, 150), () => {
      restartAtOnce(world, host, () => host.start());
      isolate(world, { host, schedulers }, prng.between(100, 400));
    });
  });
}

function restartAtOnce(world: World, node: SimNode, restart: () => void): void {
  if (!node.isUp) return;
  node.isUp = false;
  node.life += 1;
  world.plan(world.now + world.prng.between(1, 30), () => {
    if (!node.isUp) restart();
  });
}

/** Purges something that a host holds then. */
function orderHeld(world: World, manager: SimManager, host: SimHost, inMs: number): void {
  world.planTrouble(inMs, () => {
    const held = world.prng.pick(host.copies.copies.filter(({ state }) => state === 'complete'));
    if (manager.isUp && held !== undefined)
      world.later(manager, 0, () => manager.accept(held.taskId));
  });
}
