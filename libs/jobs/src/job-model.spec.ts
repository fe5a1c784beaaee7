/** Any order of events leaves every job, order and target legal, and ended once. */

import fc from 'fast-check';
import { JobPhase, isJobEnded, nextJobPhase } from './job-phase.js';
import { JOB_TYPES, type JobType } from './job-type.js';
import { ORDER_EVENTS, OrderState, isOrderEnded, nextOrderState } from './order-state.js';
import type { OrderEvent } from './order-state.js';
import { NO_TARGETS, decideOutcome, mayEnd, type JobEnd, type TargetCounts } from './outcome.js';
import { TARGET_OUTCOMES, isTargetEnded, mergeTargetResult } from './target-outcome.js';
import type { TargetResult } from './target-outcome.js';

const ORDERS = 3; // Orders 0 and 1 are of cluster 0, order 2 of cluster 1.
const TARGETS = 3; // Of each order.
const RUNS = 500;

/** The rules that decide; a control puts a weaker one in the place of one of them. */
const RULES = { nextJobPhase, nextOrderState, mergeTargetResult, mayEnd, decideOutcome };
type Rules = typeof RULES;

type ModelEvent =
  | {
      readonly kind: 'report';
      readonly order: number;
      readonly target: number;
      readonly result: TargetResult;
    }
  | { readonly kind: 'order'; readonly order: number; readonly event: OrderEvent }
  | { readonly kind: 'deadline' };

interface ModelOrder {
  state: OrderState;
  readonly targets: (TargetResult | undefined)[];
}

interface Standing {
  readonly phase: JobPhase;
  readonly ends: readonly JobEnd[];
  readonly orders: readonly Readonly<ModelOrder>[];
}

/** A job as the ledger composes it of the rules: reports are merged, orders move, and it ends when it may. */
class JobModel {
  phase: JobPhase = JobPhase.Accepted;
  readonly ends: JobEnd[] = [];
  readonly orders: ModelOrder[] = Array.from({ length: ORDERS }, () => ({
    state: OrderState.Waiting,
    targets: Array.from({ length: TARGETS }, () => undefined),
  }));

  constructor(
    private readonly type: JobType,
    private readonly rules: Rules,
  ) {}

  apply(event: ModelEvent): void {
    if (isJobEnded(this.phase)) {
      // The ledger refuses it; the rules must leave an ended job as it is by themselves.
      this.phase = this.rules.nextJobPhase(this.phase, 'report');
      if (isJobEnded(this.phase)) return;
    }
    if (event.kind === 'deadline') {
      for (const order of this.orders) this.move(order, 'expire');
      this.end(true);
      return;
    }
    const order = this.orders[event.order]!;
    if (event.kind === 'order') this.move(order, event.event);
    else this.merge(order, event);
    this.phase = this.rules.nextJobPhase(this.phase, 'report');
    const progress = {
      unfinishedOrders: this.orders.filter(({ state }) => !isOrderEnded(state)).length,
      pendingTargets: this.targets.filter(({ outcome }) => !isTargetEnded(outcome)).length,
    };
    if (this.rules.mayEnd(progress)) this.end(false);
  }

  /** All of it, as it is now. */
  standing(): Standing {
    const orders = this.orders.map(({ state, targets }) => ({ state, targets: [...targets] }));
    return { phase: this.phase, ends: [...this.ends], orders };
  }

  get targets(): TargetResult[] {
    return this.orders.flatMap(({ targets }) => targets.flatMap((target) => target ?? []));
  }

  private move(order: ModelOrder, event: OrderEvent): void {
    order.state = this.rules.nextOrderState(order.state, event);
  }

  private merge(order: ModelOrder, { target, result }: ModelEvent & { kind: 'report' }): void {
    const standing = order.targets[target];
    order.targets[target] =
      standing === undefined ? result : this.rules.mergeTargetResult(standing, result);
  }

  private end(isTimedOut: boolean): void {
    this.phase = this.rules.nextJobPhase(this.phase, 'end');
    const clusters = [this.orders.slice(0, 2), this.orders.slice(2)].map((orders, clusterId) => ({
      clusterId,
      counts: countsOf(orders.flatMap(({ targets }) => targets.flatMap((one) => one ?? []))),
      failedOrders: orders.filter(({ state }) => state === 'failed' || state === 'expired').length,
    }));
    this.ends.push(this.rules.decideOutcome({ type: this.type, clusters, isTimedOut }));
  }
}

function countsOf(targets: readonly TargetResult[]): TargetCounts {
  const counts = { ...NO_TARGETS };
  for (const { outcome } of targets) counts[outcome] += 1;
  return counts;
}

const result: fc.Arbitrary<TargetResult> = fc.record({
  outcome: fc.constantFrom(...TARGET_OUTCOMES),
  try: fc.integer({ min: 0, max: 3 }),
});
const report = fc.record({
  kind: fc.constant('report' as const),
  order: fc.nat(ORDERS - 1),
  target: fc.nat(TARGETS - 1),
  result,
});
const orderEvent = fc.record({
  kind: fc.constant('order' as const),
  order: fc.nat(ORDERS - 1),
  event: fc.constantFrom(...ORDER_EVENTS),
});
const anyEvent: fc.Arbitrary<ModelEvent> = fc.oneof(
  { arbitrary: report, weight: 20 },
  { arbitrary: orderEvent, weight: 40 },
  { arbitrary: fc.constant({ kind: 'deadline' } as const), weight: 1 },
);
const jobType = fc.constantFrom(...JOB_TYPES);

/** What is wrong with a step from one state of a job to the next. */
function violationsOf(before: Standing, after: Standing): string[] {
  const violations: string[] = [];
  const wasEnded = isJobEnded(before.phase);
  if (wasEnded && JSON.stringify(before) !== JSON.stringify(after)) {
    violations.push('an ended job changed');
  }
  if (after.ends.length !== (isJobEnded(after.phase) ? 1 : 0)) violations.push('not ended once');
  for (const [index, order] of after.orders.entries()) {
    const former = before.orders[index]!;
    if (!Object.values(OrderState).includes(order.state)) violations.push('an unknown state');
    if (isOrderEnded(former.state) && order.state !== former.state) {
      violations.push('an ended order changed');
    }
    const isWorse = order.targets.some((one, at) => rankOf(one) < rankOf(former.targets[at]));
    if (isWorse) violations.push('a target became worse');
  }
  return violations;
}

/** What holds after every event of every sequence, whatever the tables contain. */
function checkLegal(rules: Rules): void {
  const events = fc.array(anyEvent, { maxLength: 60, size: 'max' });
  const property = fc.property(jobType, events, (type, list) => {
    const job = new JobModel(type, rules);
    const violations = list.flatMap((event) => {
      const before = job.standing();
      job.apply(event);
      return violationsOf(before, job.standing());
    });
    expect(violations).toEqual([]);
    job.apply({ kind: 'deadline' });
    expect([job.phase, job.ends.length]).toEqual(['ended', 1]);
    expect(job.orders.every(({ state }) => isOrderEnded(state))).toBe(true);
  });
  fc.assert(property, { numRuns: RUNS });
}

/** TARGET_OUTCOMES is sorted worst first; no result at all is below all of them. */
function rankOf(target: TargetResult | undefined): number {
  return target === undefined ? -1 : TARGET_OUTCOMES.indexOf(target.outcome);
}

/** What is reported of each target before the last word of each order, in two orders and with repetitions. */
const permuted = fc.array(report, { maxLength: 30 }).chain((reports) =>
  fc.tuple(
    fc.constant(reports),
    fc
      .tuple(shuffled(reports), fc.subarray(reports))
      .chain(([all, again]) => shuffled([...all, ...again])),
  ),
);

function shuffled<T>(values: readonly T[]): fc.Arbitrary<T[]> {
  return fc.shuffledSubarray([...values], { minLength: values.length });
}

/** The end of a job is a function of the classes of its targets and orders. */
function checkFunctionOfClasses(rules: Rules): void {
  const lastWords = fc.tuple(...Array.from({ length: ORDERS }, () => fc.boolean()));
  const property = fc.property(jobType, permuted, lastWords, (type, [one, other], words) => {
    const [left, right] = [one, other].map((reports) => {
      const job = new JobModel(type, rules);
      const orders = [...words.keys()];
      for (const order of orders) job.apply({ kind: 'order', order, event: 'assign' });
      for (const event of reports) job.apply(event);
      for (const order of orders) {
        job.apply({ kind: 'order', order, event: words[order] ? 'finish' : 'fail' });
      }
      if (!isJobEnded(job.phase)) job.apply({ kind: 'deadline' });
      return { ends: job.ends, targets: job.orders.map(({ targets }) => targets) };
    });
    expect(right).toEqual(left);
  });
  fc.assert(property, { numRuns: RUNS });
}

/** The judgement of targets one by one: it depends on which classes there are, not on how many or whose. */
function checkClassesDecide(rules: Rules): void {
  const outcomes = fc.array(fc.constantFrom(...TARGET_OUTCOMES), { maxLength: 8 });
  const repeats = fc.integer({ min: 1, max: 4 });
  const property = fc.property(jobType, outcomes, repeats, fc.nat(1), (type, list, times, bad) => {
    const judge = (all: typeof list): JobEnd =>
      rules.decideOutcome({
        type,
        clusters: [
          {
            clusterId: 1,
            counts: countsOf(all.map((outcome) => ({ outcome, try: 1 }))),
            failedOrders: bad,
          },
        ],
      });
    const many = Array.from({ length: times }, () => list).flat();
    expect(judge(many)).toEqual(judge(list));
  });
  fc.assert(property, { numRuns: RUNS });
}

/** A job ends by itself only when nothing is pending, wherever the last words of its orders come. */
function checkNoPendingEnd(rules: Rules): void {
  const words = [...Array(ORDERS).keys()].flatMap((order): ModelEvent[] => [
    { kind: 'order', order, event: 'finish' },
  ]);
  const events = fc
    .array(report, { maxLength: 30 })
    .chain((reports) => shuffled<ModelEvent>([...reports, ...words]));
  const property = fc.property(jobType, events, (type, list) => {
    const job = new JobModel(type, rules);
    for (const order of job.orders.keys()) job.apply({ kind: 'order', order, event: 'assign' });
    for (const event of list) job.apply(event);
    if (!isJobEnded(job.phase)) return;
    expect(job.targets.filter(({ outcome }) => !isTargetEnded(outcome))).toEqual([]);
  });
  fc.assert(property, { numRuns: RUNS });
}

describe('A job, its orders and its targets', () => {
  it('stay legal under any order of events, and the job ends once', () => {
    checkLegal(RULES);
    checkNoPendingEnd(RULES);
  });

  it('end the same whatever the order of the reports, and however often each comes', () => {
    checkFunctionOfClasses(RULES);
  });

  it('end by the classes of the targets alone, not by their number', () => {
    checkClassesDecide(RULES);
  });

  it('know every state and event of the tables', () => {
    expect(ORDER_EVENTS).toEqual(expect.arrayContaining(['assign', 'report', 'finish', 'fail']));
    for (const state of Object.values(OrderState)) {
      const followers = ORDER_EVENTS.map((event) => nextOrderState(state, event));
      expect(followers.some((next) => next !== state)).toBe(!isOrderEnded(state));
    }
  });

  describe('with a weaker rule (controls)', () => {
    const weaker: readonly [string, Partial<Rules>, (rules: Rules) => void][] = [
      [
        'an ended order that a late report opens again is found',
        {
          nextOrderState: (state, event) =>
            event === 'report' ? OrderState.Running : nextOrderState(state, event),
        },
        checkLegal,
      ],
      [
        'an ended job that a late report opens again is found',
        {
          nextJobPhase: (phase, event) =>
            event === 'report' ? JobPhase.Running : nextJobPhase(phase, event),
        },
        checkLegal,
      ],
      [
        'targets of which the last report stands are found',
        { mergeTargetResult: <T extends TargetResult>(_standing: T, reported: T) => reported },
        checkLegal,
      ],
      [
        'targets of which the first report stands are found',
        {
          mergeTargetResult: <T extends TargetResult>(standing: T, reported: T) =>
            standing.outcome === 'pending' ? reported : standing,
        },
        checkFunctionOfClasses,
      ],
      [
        'a job that ends although targets are pending is found',
        { mayEnd: ({ unfinishedOrders }) => unfinishedOrders === 0 },
        checkNoPendingEnd,
      ],
      [
        'an outcome that goes by the majority is found',
        {
          decideOutcome: (tally) => {
            const { failed, deleted } = tally.clusters[0]!.counts;
            const end = decideOutcome(tally);
            return failed > 2 && deleted > 0 ? { ...end, outcome: 'failed' } : end;
          },
        },
        checkClassesDecide,
      ],
    ];

    it.each(weaker)('%s', (_name, rule, check) => {
      expect(() => check({ ...RULES, ...rule })).toThrow();
    });
  });
});
