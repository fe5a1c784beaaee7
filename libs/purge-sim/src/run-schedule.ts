import { boundMs } from '@pondhawk/purge';
import { buildFleet } from './build-fleet.js';
import { type Fleet, RESTART_MS_MAX } from './episodes.js';
import { findKeeping } from './foreign-checks.js';
import { type FaultWeights, drawFaults, onlyFaults, withoutFaults } from './faults.js';
import { REAL_PARTS, SIM_TIMING, type SimParts } from './parts.js';
import { Prng } from './prng.js';
import { type Coverage, InvariantBroken, Truth } from './truth.js';
import { ROLL_MS, rollFaults } from './weather.js';
import { World } from './world.js';

/** Virtual length of a run, before everything is mended. */
export const RUN_MS = 1_400;
/** How likely a purge is at each roll; with few of them copies grow old. */
const PURGE_CHANCES = [0.01, 0.1, 0.35];
const WARM_UP_MS = 150;
/** From then on all hosts hold a lease, if nothing fails. */
const LEASES_WARM_MS = 250;
const QUIET_MS = 500;
const SETTLE_STEP_MS = 100;

/** What to run. The same words give the same run. */
export interface Schedule {
  readonly seed: number;
  readonly runMs?: number;
  /** Name of the control whose parts and weather these are. */
  readonly name?: string;
  /** Faults that are left out although the seed draws them, or the weather has them. */
  readonly without?: readonly string[];
  readonly parts?: SimParts;
  /** In the place of what the seed draws. */
  readonly weather?: FaultWeights | undefined;
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

/** The faults of a schedule. @param prng what a run draws from; it is begun anew to look only. */
export function weatherOf(schedule: Schedule, prng = new Prng(schedule.seed)): FaultWeights {
  const { seed, without = [], weather } = schedule;
  const drawn = drawFaults(seed, prng, without);
  return weather === undefined ? drawn : withoutFaults(weather, without);
}

/** Runs one schedule. */
export function runSchedule(schedule: Schedule): RunResult {
  const prng = new Prng(schedule.seed);
  const world = new World(prng, weatherOf(schedule, prng));
  const truth = new Truth();
  const seen = { rolls: 0, leased: 0 };
  let broken: InvariantBroken | undefined;
  try {
    const { runMs = RUN_MS, parts = REAL_PARTS } = schedule;
    const purgeChance = prng.pick(PURGE_CHANCES) ?? 0;
    const { fleet, newHost } = buildFleet({ world, truth, parts });
    const roll = (): void => {
      if (world.now >= runMs) return;
      if (world.now > LEASES_WARM_MS) {
        seen.rolls += fleet.hosts.length;
        seen.leased += fleet.hosts.filter((host) => host.isUp && host.isLeased).length;
      }
      if (world.now > WARM_UP_MS) {
        rollFaults(world, fleet, newHost);
        const task = prng.pick(fleet.tasks);
        if (fleet.manager.isUp && task !== undefined && prng.chance(purgeChance))
          world.later(fleet.manager, 0, () => fleet.manager.accept(task));
      }
      world.plan(world.now + ROLL_MS, roll);
    };
    roll();
    world.runUntil(runMs);
    settle(world, truth, fleet);
  } catch (error) {
    if (!(error instanceof InvariantBroken)) throw error;
    broken = error;
  }
  const leasedShare = seen.leased / Math.max(1, seen.rolls);
  const { coverage, slowestPurgeMs } = truth;
  return { broken, coverage, events: world.events, leasedShare, slowestPurgeMs };
}

/** No faults any more: after the bound every job has ended, and every host has a lease again. */
function settle(world: World, truth: Truth, fleet: Fleet): void {
  const { manager, hosts, schedulers, foreign } = fleet;
  world.faults = onlyFaults({});
  world.isMended = true;
  world.heal();
  const nodes = [manager, ...hosts, ...schedulers, ...foreign];
  const backAt = world.now + (nodes.every(({ isUp }) => isUp) ? 0 : RESTART_MS_MAX);
  // Calls to foreign daemons are repeated one bound later; a fall back takes another.
  const from = world.now + (foreign.length === 0 ? 0 : boundMs(SIM_TIMING));
  const end = Math.max(from, backAt) + boundMs(SIM_TIMING) * 1.02 + QUIET_MS;
  let left: InvariantBroken | undefined;
  do {
    world.runUntil(world.now + SETTLE_STEP_MS);
    left = findUnsettled(world, fleet) ?? findForeign(truth, fleet);
  } while (world.now < end && (left !== undefined || world.now < from));
  if (left !== undefined) throw left;
  // The run is over: what is still planned belongs to nobody.
  for (const node of nodes) node.isUp = false;
}

function findForeign(
  truth: Truth,
  { manager, schedulers, foreign }: Fleet,
): InvariantBroken | undefined {
  if (foreign.length === 0) return undefined;
  const desks = schedulers.map((scheduler) => scheduler.foreign);
  const { log } = manager.ledger;
  return findKeeping(foreign, desks, { log, purges: manager.committed, truth });
}

function findUnsettled(world: World, { manager, hosts }: Fleet): InvariantBroken | undefined {
  const open = manager.ledger.purges.find(({ isEnded }) => !isEnded);
  if (open !== undefined) return new InvariantBroken('JOB_NOT_ENDED', `purge ${open.entry.seq}`);
  // Of several daemons under one id the others are refused.
  const leased = new Set(hosts.filter(({ isLeased }) => isLeased).map(({ hostId }) => hostId));
  const silent = hosts.find(
    ({ hostId, isUp, suspendedUntil }) =>
      isUp && suspendedUntil < world.now - SETTLE_STEP_MS && !leased.has(hostId),
  );
  return silent && new InvariantBroken('HOST_NOT_LEASED', silent.name);
}
