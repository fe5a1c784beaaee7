import { type TaskId, parseTaskId } from '@pondhawk/core';
import type { Fleet } from './episodes.js';
import type { SimContext } from './parts.js';
import type { Prng } from './prng.js';
import { checkTargets } from './foreign-checks.js';
import { SimForeign } from './sim-foreign.js';
import { SimHost } from './sim-host.js';
import { SimManager } from './sim-manager.js';
import { SimScheduler } from './sim-scheduler.js';
import { InvariantBroken } from './truth.js';

/** Clock rates differ from real time by at most this. */
export const RATE_ERROR_MAX = 0.01;
/** Holders of a task that are called besides, as if their stream were slow. */
const CALLED_SHARE = 0.15;
/** When the broker brings an order again. */
const ORDER_REPEAT_MS_MIN = 30;
const ORDER_REPEAT_MS_MAX = 130;
/** Foreign daemons that come in the middle of a run, with a disk from before. */
const LATE_SHARE = 0.3;

/** How many daemons a cluster begins with. */
export interface FleetSizes {
  readonly schedulers: number;
  readonly hosts: number;
}

/** A cluster, and how a copy of a host joins it. */
export interface BuiltFleet {
  readonly fleet: Fleet;
  readonly newHost: (of: SimHost, index: number) => SimHost;
}

function drawSizes(prng: Prng): FleetSizes {
  return { schedulers: prng.whole(2, 3), hosts: prng.whole(3, 5) };
}

/** A manager, two or three schedulers, and three to five hosts, unless `sizes` says otherwise. */
export function buildFleet(
  { world, truth, parts }: Omit<SimContext, 'newId'>,
  sizes: FleetSizes = drawSizes(world.prng),
): BuiltFleet {
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
  const foreign: SimForeign[] = [];
  const fleet: Fleet = { manager, schedulers, hosts, foreign, tasks };
  for (let n = sizes.schedulers; n > 0; n -= 1)
    schedulers.push(new SimScheduler(context, manager, `s${n}`, rate()));
  for (let n = sizes.hosts; n > 0; n -= 1)
    hosts.push(new SimHost(context, `h${n}`, `host-${n}`, rate(), fleet));
  if (world.faults.foreign > 0) addForeign(context, fleet, rate);
  // Orders; a broker that lost its data brings none.
  manager.onCommit = (log, entry) => {
    if (prng.chance(world.faults.brokerWipe)) return;
    for (const scheduler of schedulers)
      world.send(manager, scheduler, () => {
        if (!scheduler.takeOrder(log, entry)) return;
        // The second lane: who is known to hold the task is called.
        const holder = prng.pick(hosts.filter((host) => host.holds(entry.taskId)));
        if (holder !== undefined && prng.chance(CALLED_SHARE))
          world.send(scheduler, holder, () => holder.called(log.epoch, entry));
      });
  };
  manager.onSuccess = ({ entry, epochs }) => {
    const unaware = hosts.find((host) => host.servesUnaware(undefined, epochs, entry.seq));
    if (unaware !== undefined)
      throw new InvariantBroken('LEASED_AT_SUCCESS', `${unaware.name} of purge ${entry.seq}`);
  };
  manager.onFenced = ({ entry, epochs }, incarnation) => {
    const serving = hosts.find((host) => host.servesUnaware(incarnation, epochs, entry.seq));
    if (serving !== undefined)
      throw new InvariantBroken('FENCED_BUT_SERVES', `${serving.name} of purge ${entry.seq}`);
  };
  manager.isHolder = (hostId, taskId) =>
    hosts.some((host) => host.hostId === hostId && host.holds(taskId));
  const newHost = (of: SimHost, index: number): SimHost =>
    new SimHost(context, `h${index + 1}`, of.hostId, rate(), fleet);
  return { fleet, newHost };
}

function addForeign(context: SimContext, fleet: Fleet, rate: () => number): void {
  const { world, truth } = context;
  const { prng, faults } = world;
  const { manager, schedulers, hosts, foreign, tasks } = fleet;
  truth.areForeignParentsAllowed = prng.chance(faults.foreignParents);
  const desks = schedulers.map((scheduler) => scheduler.foreign);
  for (let n = prng.whole(1, 3); n > 0; n -= 1) {
    const daemon = new SimForeign(context, `f${n}`, rate(), { desks, hosts, foreign, tasks });
    foreign.push(daemon);
    if (prng.chance(LATE_SHARE)) daemon.comeLater(prng.between(200, 1_200));
    else daemon.start();
  }
  manager.onForeignOrder = (order) => {
    const desk = prng.pick(desks);
    if (desk === undefined) return;
    const named = foreign.filter(({ name }) => order.names.includes(name));
    // Whatever takes long is brought again, as to a scheduler that has restarted, or stood still.
    const deliver = (): void => {
      if (!manager.awaits(order) || prng.chance(world.faults.brokerWipe)) return;
      world.send(manager, desk.scheduler, () => desk.takeOrder(order, named));
      world.plan(world.now + prng.between(ORDER_REPEAT_MS_MIN, ORDER_REPEAT_MS_MAX), deliver);
    };
    deliver();
  };
  manager.onForeignSuccess = (purge, names) =>
    checkTargets(
      foreign.filter(({ name }) => names.includes(name)),
      purge,
    );
}
