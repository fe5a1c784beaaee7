/**
 * What the marks are for, in random schedules: whoever may serve without a lease has a mark. Views are
 * never too old here, messages take any time and any order, and may be lost.
 */

import {
  HostLease,
  type LedgerReading,
  type LedgerState,
  PURGE_RULES,
  type PurgeRules,
  ViewKeeper,
  type Waiver,
  changeWaiver,
  emptyLedger,
  endMark,
  enrolHost,
  isWaiverEnded,
  loseConnection,
  openLedger,
} from './index.js';

const SEEDS = 300;
const STEPS = 800;
const HOSTS = 3;
const SCHEDULERS = 2;
const FOREVER = { schedulerLeaseMs: Infinity, hostLeaseMs: 1 };
const NOW = { monotonicMs: 0, sinceBootMs: 0, wallMs: 0 };

interface Connection {
  readonly id: string;
  readonly host: Host;
  readonly incarnation: string;
  readonly outlived: readonly string[];
  isOpen: boolean;
  enrolment: LedgerReading | undefined;
}

interface Scheduler {
  readonly keeper: ViewKeeper;
  /** Calls that are made one after another. */
  readonly calls: (() => void)[];
}

interface Host {
  readonly hostId: string;
  incarnation: string;
  /** Starts of this folder that are dead. */
  outlived: readonly string[];
  epoch: string;
  lease: HostLease;
  home: Scheduler;
  connection: Connection | undefined;
}

/** Mulberry32: the same seed gives the same schedule. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

class Fleet {
  readonly reached = { waived: 0, marks: 0, ended: 0 };
  private ledger: LedgerState = emptyLedger('e0');
  private run = 'r0';
  private ids = 0;
  private readonly random: () => number;
  /** What happens how often, and how far messages get out of order; another mixture a run. */
  private readonly weights: readonly (readonly [number, () => void])[];
  private readonly disorder: number;
  private readonly flying: (() => void)[] = [];
  private readonly schedulers: Scheduler[];
  private readonly hosts: Host[];

  constructor(
    seed: number,
    private readonly rules: PurgeRules,
  ) {
    this.random = randomOf(seed);
    this.schedulers = Array.from({ length: SCHEDULERS }, () => {
      return { keeper: new ViewKeeper(() => NOW, rules), calls: [] };
    });
    const drawn = (weight: number): number => weight * this.random() ** 2;
    this.disorder = this.random();
    this.weights = [
      [drawn(0.2), () => (this.ledger = changeWaiver(this.ledger, !this.ledger.waiver.isGiven))],
      [0.3 + drawn(1), () => this.askView(this.pick(this.schedulers))],
      [0.3 + drawn(1), () => this.askLease(this.pick(this.hosts))],
      [drawn(0.1), () => this.connect(this.pick(this.hosts))],
      [drawn(0.03), () => this.rarely()],
      [1, () => this.call(this.pick(this.schedulers))],
      [2, () => this.deliver()],
    ];
    this.hosts = Array.from({ length: HOSTS }, (_, index) => this.start(`h${index}`, []));
    for (const host of this.hosts) this.connect(host);
  }

  step(): void {
    let at = this.random() * this.weights.reduce((sum, [weight]) => sum + weight, 0);
    for (const [weight, act] of this.weights) {
      at -= weight;
      if (at < 0) return act();
    }
  }

  /** @throws Error naming who serves without a mark. */
  check(): void {
    for (const { lease, incarnation, epoch } of this.hosts) {
      if (!lease.isWaived({ epoch, applied: Infinity })) continue;
      this.reached.waived += 1;
      const isMarked = this.ledger.marks.some((mark) => mark.incarnation === incarnation);
      if (!isMarked) throw new Error(`UNMARKED: ${incarnation} serves without a lease`);
    }
    this.reached.marks += this.ledger.marks.length;
  }

  private pick<T>(items: readonly T[]): T {
    return items[Math.floor(this.random() * items.length)]!;
  }

  private newId(kind: string): string {
    this.ids += 1;
    return `${kind}${this.ids}`;
  }

  private start(hostId: string, outlived: readonly string[]): Host {
    const incarnation = this.newId('i');
    const lease = new HostLease(incarnation, () => NOW, this.rules);
    const home = this.pick(this.schedulers);
    return { hostId, incarnation, outlived, epoch: 'e0', lease, home, connection: undefined };
  }

  private rarely(): void {
    this.pick([
      () => this.restartHost(this.pick(this.hosts)),
      () => (this.run = this.newId('r')),
      () => {
        this.run = this.newId('r');
        this.ledger = openLedger(this.ledger, undefined, this.newId('e'));
      },
    ])();
  }

  private restartHost(host: Host): void {
    if (host.connection !== undefined) this.close(host.connection, host.home);
    const next = this.start(host.hostId, [host.incarnation, ...host.outlived]);
    Object.assign(host, next, { epoch: host.epoch });
    this.connect(host);
  }

  private reading(): LedgerReading {
    const { log, waiver } = this.ledger;
    return { epoch: log.epoch, head: log.head, run: this.run, waiver };
  }

  private askView({ keeper }: Scheduler): void {
    const number = keeper.request();
    this.flying.push(() => {
      const reading = this.reading();
      this.flying.push(() => keeper.take(number, reading, FOREVER));
    });
  }

  private connect(host: Host): void {
    if (host.connection !== undefined) this.close(host.connection, host.home);
    host.home = this.pick(this.schedulers);
    const { incarnation, outlived } = host;
    const id = this.newId('c');
    const named = { id, host, incarnation, outlived };
    const connection: Connection = { ...named, isOpen: true, enrolment: undefined };
    host.connection = connection;
    this.enrol(connection, host.home);
  }

  private enrol(connection: Connection, scheduler: Scheduler): void {
    const { hostId } = connection.host;
    const { incarnation, outlived } = connection;
    scheduler.calls.push(() => {
      const row = { hostId, incarnation, lock: 'l', connection: connection.id, scheduler: 's' };
      this.ledger = enrolHost(this.ledger, row, outlived);
      connection.enrolment = this.reading();
    });
  }

  private close(connection: Connection, scheduler: Scheduler): void {
    connection.isOpen = this.random() < 0.3 && connection.isOpen; // Not seen by the scheduler yet.
    if (connection.isOpen) this.flying.push(() => this.close(connection, scheduler));
    else scheduler.calls.push(() => (this.ledger = loseConnection(this.ledger, connection.id)));
  }

  private askLease(host: Host): void {
    const { connection, home, lease, epoch } = host;
    if (connection === undefined) return;
    const request = lease.request();
    const waiver: Waiver = lease.waiverOf(epoch);
    this.flying.push(() => {
      if (!connection.isOpen) return;
      const told = { incarnation: request.incarnation, epoch, waiver };
      if (waiver.number > 0) home.calls.push(() => this.end(told));
      const { view } = home.keeper;
      const log = { epoch: view?.epoch ?? '', head: Infinity };
      const grant = home.keeper.grant(request, connection.enrolment, log);
      if (grant === 'OTHER_RUN') this.enrol(connection, home);
      if (typeof grant === 'string') return;
      this.flying.push(() => {
        if (host.incarnation !== grant.incarnation) return;
        lease.take(grant);
        host.epoch = grant.epoch; // It is named the log on the same stream.
      });
    });
  }

  private end(told: Parameters<typeof endMark>[1]): void {
    const former = this.ledger.marks.length;
    this.ledger = endMark(this.ledger, told, this.rules);
    this.reached.ended += former - this.ledger.marks.length;
  }

  private call({ calls }: Scheduler): void {
    calls.shift()?.();
  }

  private deliver(): void {
    const among =
      this.random() < this.disorder ? this.flying.length : Math.min(2, this.flying.length);
    const index = Math.floor(this.random() * among);
    const [message] = this.flying.splice(index, 1);
    if (this.random() > 0.1) message?.();
  }
}

function runSeeds(rules: PurgeRules): Fleet['reached'] {
  const reached = { waived: 0, marks: 0, ended: 0 };
  for (let seed = 0; seed < SEEDS; seed += 1) {
    const fleet = new Fleet(seed, rules);
    for (let step = 0; step < STEPS; step += 1) {
      fleet.step();
      fleet.check();
    }
    for (const key of ['waived', 'marks', 'ended'] as const) reached[key] += fleet.reached[key];
  }
  return reached;
}

describe('Marks of waivers', () => {
  it('are there for each daemon that may serve without a lease, whatever is late or lost', () => {
    const reached = runSeeds(PURGE_RULES);
    for (const count of Object.values(reached)) expect(count).toBeGreaterThan(100);
  });

  const weaker: [string, Partial<PurgeRules>][] = [
    ['a grant says what the view has read', { grantedWaiver: (view) => view.waiver! }],
    [
      'a grant says what one of them has read that allows it',
      {
        grantedWaiver: (view, enrolment) =>
          view.waiver?.isGiven === true ? view.waiver : enrolment.waiver!,
      },
    ],
    [
      'a host listens to older numbers',
      { heldWaiver: (_, { waiver, needs }) => ({ ...waiver!, needs }) },
    ],
    ['a mark goes by whatever number is told', { isWaiverEnded: (_, told) => !told.isGiven }],
    [
      'a mark goes by what is told, given or not',
      { isWaiverEnded: ({ number }, told) => told.number >= number },
    ],
  ];
  it.each(weaker)('are missing if %s', (_name, rules) => {
    expect(() => runSeeds({ ...PURGE_RULES, ...rules })).toThrow('UNMARKED');
  });

  it('go by a later number that withdraws alone', () => {
    expect(isWaiverEnded({ number: 1 }, { number: 2, isGiven: false })).toBe(true);
  });
});
