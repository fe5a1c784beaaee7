import type { TaskId } from '@pondhawk/core';
import type { Prng } from './prng.js';
import type { SimHost } from './sim-host.js';
import type { SimManager } from './sim-manager.js';
import type { SimScheduler } from './sim-scheduler.js';
import type { SimNode, World } from './world.js';

/** How often the weather is rolled. */
export const ROLL_MS = 40;
const HOSTS_MAX = 8;

/** The daemons of a run. */
export interface Fleet {
  readonly manager: SimManager;
  readonly schedulers: SimScheduler[];
  readonly hosts: SimHost[];
  readonly tasks: TaskId[];
}

/** One roll: which faults begin now. */
export function rollFaults(
  world: World,
  fleet: Fleet,
  newHost: (of: SimHost, index: number) => SimHost,
): void {
  const { prng, faults } = world;
  const { manager } = fleet;
  if (prng.chance(0.1)) manager.backUp();
  if (prng.chance(0.1)) prng.pick(fleet.hosts)?.backUp();
  if (prng.chance(faults.partition)) cutSome(world, fleet);
  if (prng.chance(faults.truncate)) manager.truncate(prng.whole(0, 2));
  if (prng.chance(faults.move)) moveSome(prng, fleet);
  if (prng.chance(faults.restoreLedger)) crash(world, manager, () => manager.restart(true));
  else if (prng.chance(faults.managerCrash)) crash(world, manager, () => manager.restart(false));
  const scheduler = prng.pick(fleet.schedulers);
  if (scheduler !== undefined && prng.chance(faults.schedulerCrash))
    crash(world, scheduler, () => scheduler.start());
  rollHostFaults(world, fleet, newHost);
}

function rollHostFaults(
  world: World,
  fleet: Fleet,
  newHost: (of: SimHost, index: number) => SimHost,
): void {
  const { prng, faults } = world;
  const host = prng.pick(fleet.hosts);
  if (host === undefined) return;
  if (prng.chance(faults.hostCrash)) crash(world, host, () => host.start());
  if (prng.chance(faults.restoreDisk))
    crash(world, host, () => {
      host.restore();
      host.start();
    });
  if (prng.chance(faults.clone) && fleet.hosts.length < HOSTS_MAX) {
    const clone = newHost(host, fleet.hosts.length);
    clone.restore(host.disk());
    fleet.hosts.push(clone);
  }
  if (prng.chance(faults.suspend))
    world.suspend(prng.pick(allNodes(fleet)) ?? host, prng.between(20, 500), false);
}

function allNodes({ manager, schedulers, hosts }: Fleet): SimNode[] {
  return [manager, ...schedulers, ...hosts];
}

function cutSome(world: World, fleet: Fleet): void {
  const nodes = allNodes(fleet);
  const [a, b] = [world.prng.pick(nodes), world.prng.pick(nodes)];
  if (a === undefined || b === undefined || a === b) return;
  world.cut(a, b);
  const ms = world.prng.chance(0.4) ? world.prng.between(400, 900) : world.prng.between(50, 400);
  world.plan(world.now + ms, () => world.heal(a, b));
}

function moveSome(prng: Prng, fleet: Fleet): void {
  const host = prng.pick(fleet.hosts);
  const scheduler = prng.pick(fleet.schedulers);
  if (host !== undefined && scheduler !== undefined) host.moveTo(scheduler);
  prng.pick(fleet.schedulers)?.breakConnection();
}

function crash(world: World, node: SimNode, restart: () => void): void {
  if (!node.isUp) return;
  node.isUp = false;
  node.life += 1;
  const ms =
    node.name !== 'manager' && world.prng.chance(0.4)
      ? world.prng.between(300, 900)
      : world.prng.between(1, 200);
  world.plan(world.now + ms, () => {
    if (!node.isUp) restart();
  });
}
