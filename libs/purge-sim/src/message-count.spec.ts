import type { PurgeRules } from '@pondhawk/purge';
import { type BuiltFleet, buildFleet } from './build-fleet.js';
import { onlyFaults } from './faults.js';
import { REAL_PARTS, type SimParts } from './parts.js';
import { Prng } from './prng.js';
import type { SimHost } from './sim-host.js';
import { Truth } from './truth.js';
import { World } from './world.js';

/** From then on all hosts hold a lease, whatever the order of their timers. */
const WARM_MS = 250;
/** Whatever was under way when the timers stopped has come by then; leases run longer. */
const DRAIN_MS = 40;
/** More than a purge takes without a timer, and less than leases run. */
const PURGE_MS = 60;
/** For each host: the entry, or a call besides; its report; the answer passed on, with its waiver; what it is answered. */
const MESSAGES_A_HOST = 4;
/** For each scheduler: the order, a call besides, and what the callee reports and is answered. */
const MESSAGES_A_SCHEDULER = 5;

interface Quiet extends BuiltFleet {
  readonly world: World;
}

/** A cluster without faults in which every host holds a lease, nothing is under way and no timer comes due. */
function quietFleet(hosts: number, schedulers: number, parts: SimParts = REAL_PARTS): Quiet {
  const world = new World(new Prng(hosts), onlyFaults({}));
  const built = buildFleet({ world, truth: new Truth(), parts }, { hosts, schedulers });
  world.runUntil(WARM_MS);
  expect(built.fleet.hosts.every(({ isLeased }) => isLeased)).toBe(true);
  world.areTimersStopped = true;
  world.runUntil(world.now + DRAIN_MS);
  return { ...built, world };
}

/** Orders one purge. @returns the messages until nothing is under way, and whether it has ended. */
function purgeOnce({ world, fleet }: Quiet): { messages: number; hasEnded: boolean } {
  let messages = 0;
  world.onDelivered = () => (messages += 1);
  fleet.manager.accept(fleet.tasks[0]!);
  world.runUntil(world.now + PURGE_MS);
  const hasEnded = fleet.manager.ledger.purges.every(({ isEnded }) => isEnded);
  return { messages, hasEnded };
}

/** Answers to a host's first word on a stream: what it is told of the log. */
const TOLD_OF_LOG = 1;
/** Answers to a request for a lease. */
const ROUND_TRIP = 1;
const LOOK_MS = 0.05;
/** Longer than anything that is looked at here. */
const HANGS_MS = 1_000;

/** The most that a purge may take. */
function messagesMax(hosts: number, schedulers: number): number {
  return MESSAGES_A_HOST * hosts + MESSAGES_A_SCHEDULER * schedulers;
}

const SIZES = [3, 6, 12, 24, 48, 96].flatMap((hosts) =>
  [1, 3].map((schedulers) => [hosts, schedulers] as const),
);

describe('when nothing fails and no timer comes due', () => {
  it.each(SIZES)(
    'a purge over %i hosts of %i schedulers ends, in few messages a host',
    (hosts, schedulers) => {
      const { messages, hasEnded } = purgeOnce(quietFleet(hosts, schedulers));
      expect(hasEnded).toBe(true);
      expect(messages).toBeGreaterThanOrEqual(hosts);
      expect(messages).toBeLessThanOrEqual(messagesMax(hosts, schedulers));
    },
  );

  it('it does not end where orders do not come, and the log is told of by views alone', () => {
    const quiet = quietFleet(6, 2);
    quiet.fleet.manager.onCommit = () => undefined;
    expect(purgeOnce(quiet).hasEnded).toBe(false);
  });

  it('it is too many messages if each host passes the entry on to all others', () => {
    const quiet = quietFleet(24, 2);
    const { world, fleet } = quiet;
    const { onCommit } = fleet.manager;
    fleet.manager.onCommit = (log, entry) => {
      onCommit(log, entry);
      for (const from of fleet.hosts)
        for (const to of fleet.hosts)
          if (to !== from) world.send(from, to, () => to.called(log.epoch, entry));
    };
    expect(purgeOnce(quiet).messages).toBeGreaterThan(messagesMax(24, 2));
  });
});

describe('a host that hangs', () => {
  /** One host stands still while something is purged. @returns how many of the others have applied it soon. */
  function othersApplied(spread?: (quiet: Quiet, hung: SimHost) => void): number {
    const quiet = quietFleet(12, 2);
    const { world, fleet } = quiet;
    const [hung, ...others] = fleet.hosts;
    world.suspend(hung!, HANGS_MS, []);
    spread?.(quiet, hung!);
    purgeOnce(quiet);
    return others.filter(({ copies }) => copies.place.applied === 1).length;
  }

  it('holds up no other', () => {
    expect(othersApplied()).toBe(11);
  });

  it('holds up all others where they are called one after another', () => {
    const oneByOne = ({ world, fleet }: Quiet, hung: SimHost): void => {
      fleet.manager.onCommit = ({ epoch }, entry) => {
        const queue = [hung, ...fleet.hosts.filter((host) => host !== hung)];
        const callNext = (): void => {
          const host = queue.shift();
          if (host === undefined) return;
          world.send(fleet.manager, host, () => {
            host.called(epoch, entry);
            callNext();
          });
        };
        callNext();
      };
    };
    expect(othersApplied(oneByOne)).toBe(0);
  });
});

describe('a host that comes back', () => {
  /**
   * It restarts, and has not heard of the last purges. @returns how many answers it has had when it has a
   * lease; undefined: it has none as long as no timer comes due.
   */
  function answersToLease(purges: number, weaker: Partial<PurgeRules> = {}): number | undefined {
    const rules = { ...REAL_PARTS.rules };
    const quiet = quietFleet(3, 1, { ...REAL_PARTS, rules });
    const { world, fleet } = quiet;
    const host = fleet.hosts[0]!;
    host.isUp = false;
    for (let n = 0; n < purges; n += 1) fleet.manager.accept(fleet.tasks[0]!);
    world.runUntil(world.now + DRAIN_MS);
    Object.assign(rules, weaker);
    let answers = 0;
    world.onDelivered = (_from, to) => (answers += to === host ? 1 : 0);
    host.start();
    const end = world.now + PURGE_MS;
    while (world.now < end && !host.isLeased) world.runUntil(world.now + LOOK_MS);
    return host.isLeased ? answers : undefined;
  }

  it.each([0, 1, 5])(
    'has a lease one round trip after it was told of the log, %i purges later',
    (purges) => {
      expect(answersToLease(purges)).toBe(TOLD_OF_LOG + ROUND_TRIP);
    },
  );

  it.each<[string, Partial<PurgeRules>]>([
    [
      'the first grant of a start is not believed',
      {
        leaseStart: (grant, pending, now) =>
          grant.number <= 2 ? undefined : REAL_PARTS.rules.leaseStart(grant, pending, now),
      },
    ],
    ['a grant needs the purge that comes next', { neededBy: (view) => view.head + 1 }],
  ])('has none then if %s', (_name, weaker) => {
    expect(answersToLease(0, weaker)).toBeUndefined();
  });
});
