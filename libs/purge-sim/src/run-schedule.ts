import { type TaskId, parseTaskId } from '@pondhawk/core';
import { boundMs } from '@pondhawk/purge';
import { FAULTS, drawFaults } from './faults.js';
import { REAL_PARTS, type SimContext, SIM_TIMING, type SimParts } from './parts.js';
import { Prng } from './prng.js';
import { SimHost } from './sim-host.js';
import { SimManager } from './sim-manager.js';
import { SimScheduler } from './sim-scheduler.js';
import { type Coverage, InvariantBroken, Truth } from './truth.js';
import { type Fleet, ROLL_MS, rollFaults } from './weather.js';
import { World } from './world.js';

/** Virtual length of a run, before everything is mended. */
export const RUN_MS = 1_400;
/** Clock rates differ from real time by at most this. */
export const RATE_ERROR_MAX = 0.01;
const WARM_UP_MS = 150;
const QUIET_MS = 500;
const SETTLE_STEP_MS = 100;

/** What to run. The same words give the same run. */
export interface Schedule {
  readonly seed: number;
  readonly runMs?: number;
  /** Faults that are left out although the seed draws them. */
  readonly without?: readonly string[];
  readonly parts?: SimParts;
}

/** How a run ended. */
export interface RunResult {
  readonly broken: InvariantBroken | undefined;
  readonly coverage: Coverage;
  readonly events: number;
  /** Mean share of hosts that held a lease, looked at after the warm-up. */
  readonly leasedShare: number;
  /** The longest that a purge took from its commit to its SUCCESS, in real time. */
  readonly slowestPurgeMs: number;
}

/** Runs one schedule. */
export function runSchedule(schedule: Schedule): RunResult {
  const prng = new Prng(schedule.seed);
  const world = new World(prng, drawFaults(schedule.seed, prng, schedule.without));
  const truth = new Truth();
  const seen = { rolls: 0, leased: 0 };
  let events = 0;
  let broken: InvariantBroken | undefined;
  try {
    const { runMs = RUN_MS, parts = REAL_PARTS } = schedule;
    const { fleet, newHost } = buildFleet(world, truth, parts);
    const roll = (): void => {
      if (world.now >= runMs) return;
      if (world.now > WARM_UP_MS) {
        seen.rolls += fleet.hosts.length;
        seen.leased += fleet.hosts.filter((host) => host.isUp && host.isLeased).length;
        rollFaults(world, fleet, newHost);
        const task = prng.pick(fleet.tasks);
        if (fleet.manager.isUp && task !== undefined && prng.chance(0.35))
          world.later(fleet.manager, 0, () => fleet.manager.accept(task));
      }
      world.plan(world.now + ROLL_MS, roll);
    };
    roll();
    events += world.runUntil(runMs);
    events += settle(world, fleet);
  } catch (error) {
    if (!(error instanceof InvariantBroken)) throw error;
    broken = error;
  }
  const leasedShare = seen.leased / Math.max(1, seen.rolls);
  const { coverage, slowestPurgeMs } = truth;
  return { broken, coverage, events, leasedShare, slowestPurgeMs };
}

/** No faults any more: after the bound every job has ended. */
function settle(world: World, { manager, hosts, schedulers }: Fleet): number {
  world.faults = drawFaults(0, new Prng(0), FAULTS);
  world.heal();
  const end = world.now + boundMs(SIM_TIMING) * 1.02 + QUIET_MS;
  const openPurges = (): typeof manager.ledger.purges =>
    manager.ledger.purges.filter(({ isEnded }) => !isEnded);
  let events = 0;
  do events += world.runUntil(world.now + SETTLE_STEP_MS);
  while (world.now < end && openPurges().length > 0);
  const open = openPurges();
  if (open.length > 0)
    throw new InvariantBroken('JOB_NOT_ENDED', `purge ${open[0]?.entry.seq ?? 0}`);
  // The run is over: what is still planned belongs to nobody.
  for (const node of [manager, ...hosts, ...schedulers]) node.isUp = false;
  return events;
}

function buildFleet(
  world: World,
  truth: Truth,
  parts: SimParts,
): { fleet: Fleet; newHost: (of: SimHost, index: number) => SimHost } {
  let ids = 0;
  const newId = (kind: string): string => `${kind}-${(ids += 1)}`;
  const { prng } = world;
  const context: SimContext = { world, truth, parts, newId };
  const rate = (): number => 1 + prng.between(-RATE_ERROR_MAX, RATE_ERROR_MAX);
  const tasks: TaskId[] = ['a', 'b', 'c']
    .slice(0, prng.whole(1, 3))
    .map((digit) => parseTaskId(digit.repeat(64)));
  const manager = new SimManager(context, rate());
  const schedulers: SimScheduler[] = [];
  const hosts: SimHost[] = [];
  const fleet: Fleet = { manager, schedulers, hosts, tasks };
  for (let n = prng.whole(2, 3); n > 0; n -= 1)
    schedulers.push(new SimScheduler(context, manager, `s${n}`, rate()));
  for (let n = prng.whole(3, 5); n > 0; n -= 1)
    hosts.push(new SimHost(context, `h${n}`, `host-${n}`, rate(), fleet));
  // Orders; a broker that lost its data brings none.
  manager.onCommit = (log, entry) => {
    if (prng.chance(world.faults.brokerWipe)) return;
    for (const scheduler of schedulers)
      world.send(manager, scheduler, () => scheduler.learn(log, [entry]));
  };
  manager.isHolder = (hostId, taskId) =>
    hosts.some((host) => host.hostId === hostId && host.holds(taskId));
  const newHost = (of: SimHost, index: number): SimHost =>
    new SimHost(context, `h${index + 1}`, of.hostId, rate(), fleet);
  return { fleet, newHost };
}
