import type { ClockReadings } from '@pondhawk/core';
import { comeBack, crash, type Fleet, flap, stallSome } from './episodes.js';
import type { Prng } from './prng.js';
import type { SimHost } from './sim-host.js';
import type { SimNode, World } from './world.js';

/** How often the weather is rolled. */
export const ROLL_MS = 40;
const HOSTS_MAX = 8;

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
  if (prng.chance(faults.waiver)) world.later(manager, 0, () => manager.changeWaiver());
  rollManagerFaults(world, fleet);
  rollSchedulerFaults(world, fleet);
  if (prng.chance(faults.comeback)) comeBack(world, fleet);
  if (prng.chance(faults.flap)) flap(world, fleet);
  rollHostFaults(world, fleet, newHost);
  if (fleet.foreign.length > 0) rollForeignFaults(world, fleet);
}

function rollForeignFaults(world: World, { foreign }: Fleet): void {
  const { prng, faults } = world;
  const daemon = prng.pick(foreign);
  if (daemon !== undefined && prng.chance(faults.foreignCrash))
    crash(world, daemon, () => daemon.start());
}

function rollSchedulerFaults(world: World, fleet: Fleet): void {
  const { prng, faults } = world;
  const scheduler = prng.pick(fleet.schedulers);
  if (scheduler !== undefined && prng.chance(faults.schedulerCrash)) {
    crash(world, scheduler, () => scheduler.start());
    if (prng.chance(faults.newsStall)) stallSome(world, scheduler, prng.between(100, 500));
  }
  const stalled = prng.pick(fleet.schedulers);
  if (stalled !== undefined && prng.chance(faults.newsStall))
    stallSome(world, stalled, prng.between(50, 400));
}

function rollManagerFaults(world: World, fleet: Fleet): void {
  const { prng, faults } = world;
  const { manager } = fleet;
  if (prng.chance(faults.restoreLedger)) {
    // Without a witness nobody knows of waivers that a ledger has forgotten.
    const isWitnessLost = faults.waiver === 0 && prng.chance(faults.witnessLoss);
    crash(world, manager, () => {
      manager.restart({ isRestored: true, isWitnessLost });
      orderAgain(world, fleet);
    });
    // One scheduler goes on for a while with what it knew before.
    const former = prng.pick(fleet.schedulers);
    if (former !== undefined && prng.chance(0.5)) former.stall(['views'], prng.between(100, 400));
  } else if (prng.chance(faults.managerCrash)) crash(world, manager, () => manager.restart());
}

/** What a restored ledger has lost is ordered again. */
function orderAgain(world: World, { manager, tasks }: Fleet): void {
  for (const task of tasks)
    world.planTrouble(world.prng.between(10, 200), () => {
      if (manager.isUp) world.later(manager, 0, () => manager.accept(task));
    });
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
  if (prng.chance(faults.suspend)) {
    const node = prng.pick(allNodes(fleet)) ?? host;
    world.suspend(node, prng.between(20, 500), standingClocks(world));
  }
}

/** A sleep is counted by two clocks; a pause from outside, or with a clock that was set, by one of them. */
function standingClocks({ prng, faults, loneClock }: World): (keyof ClockReadings)[] {
  if (!prng.chance(faults.oneClock)) return ['monotonicMs'];
  return ['monotonicMs', loneClock === 'wallMs' ? 'sinceBootMs' : 'wallMs'];
}

function allNodes({ manager, schedulers, hosts, foreign }: Fleet): SimNode[] {
  return [manager, ...schedulers, ...hosts, ...foreign];
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
