import type { ClockReadings } from '@pondhawk/core';
import type { FaultWeights } from './faults.js';
import type { Prng } from './prng.js';

/** Something with a clock of its own that can crash, stop, or be cut off. */
export interface SimNode {
  readonly name: string;
  /** Its clocks' rate; real time is 1. */
  readonly rate: number;
  isUp: boolean;
  /** Raised by each crash: what a former life planned does not happen. */
  life: number;
  suspendedUntil: number;
  /** Time that each clock did not count. */
  readonly stood: Record<keyof ClockReadings, number>;
}

/** Of clocks that have always run. */
export function noTimeStood(): SimNode['stood'] {
  return { monotonicMs: 0, sinceBootMs: 0, wallMs: 0 };
}

interface Event {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

/** Virtual time, and a network that loses, doubles, delays and reorders. */
export class World {
  now = 0;
  /** No fault begins any more, and nothing is ordered. */
  isMended = false;
  /** In this run, the clock that counts a pause from outside: no two of them within a lease are shown by different ones. */
  readonly loneClock: 'sinceBootMs' | 'wallMs';
  /** Timers that come due from now on do nothing: what still happens is by messages and disks alone. */
  areTimersStopped = false;
  /** How many have happened. */
  events = 0;
  /** Called with each message that arrives at a daemon that is up. */
  onDelivered: (from: SimNode, to: SimNode) => void = () => undefined;
  private readonly heap: Event[] = [];
  private order = 0;
  private readonly cuts = new Set<string>();

  constructor(
    readonly prng: Prng,
    public faults: FaultWeights,
  ) {
    this.loneClock = prng.chance(0.5) ? 'sinceBootMs' : 'wallMs';
  }

  /** A clock that stands while the node is suspended. */
  monotonic(node: SimNode): number {
    return (this.now - node.stood.monotonicMs) * node.rate;
  }

  /** All clocks of a node. */
  clocks(node: SimNode): ClockReadings {
    const { now } = this;
    const { stood, rate } = node;
    return {
      monotonicMs: this.monotonic(node),
      sinceBootMs: (now - stood.sinceBootMs) * rate,
      wallMs: now - stood.wallMs,
    };
  }

  /** A node's own step, after a while; not if it crashes before. */
  later(node: SimNode, delayMs: number, run: () => void): void {
    const { life } = node;
    this.plan(this.now + delayMs, () => this.runOn(node, life, run));
  }

  /** A node's timer. */
  tick(node: SimNode, delayMs: number, run: () => void): void {
    this.later(node, delayMs, () => {
      if (!this.areTimersStopped) run();
    });
  }

  /** Not a step of any node: the weather, or bytes that are with the kernel already. */
  plan(at: number, run: () => void): void {
    this.push({ at, order: (this.order += 1), run });
  }

  /** Sends; whichever life of the receiver is up when it arrives has it. */
  send(from: SimNode, to: SimNode, deliver: () => void): void {
    const { prng, faults } = this;
    if (this.cuts.size > 0 && this.isCut(from, to)) return;
    if (prng.chance(faults.loss)) return;
    const times = prng.chance(faults.twice) ? 2 : 1;
    for (let n = 0; n < times; n += 1) {
      const delay = prng.chance(faults.late) ? prng.between(10, 700) : prng.between(1, 8);
      this.plan(this.now + delay, () => {
        if (this.cuts.size > 0 && this.isCut(from, to)) return;
        this.runOn(to, undefined, () => {
          this.onDelivered(from, to);
          deliver();
        });
      });
    }
  }

  /** Cuts two nodes off from each other until `heal`. */
  cut(a: SimNode, b: SimNode): void {
    this.cuts.add(pairOf(a, b));
  }

  /** Not a step of any node, and left out once the world is mended. */
  planTrouble(inMs: number, run: () => void): void {
    this.plan(Math.max(this.now, this.now + inMs), () => {
      if (!this.isMended) run();
    });
  }

  /** Mends one cut, or all. */
  heal(a?: SimNode, b?: SimNode): void {
    if (a === undefined || b === undefined) this.cuts.clear();
    else this.cuts.delete(pairOf(a, b));
  }

  /** The machine sleeps: nothing runs, and these clocks of it stand. */
  suspend(node: SimNode, ms: number, standing: readonly (keyof ClockReadings)[]): void {
    if (node.suspendedUntil > this.now) return;
    node.suspendedUntil = this.now + ms;
    for (const clock of standing) node.stood[clock] += ms;
  }

  /** Runs all events up to a time. */
  runUntil(end: number): void {
    for (let top = this.heap[0]; top !== undefined && top.at <= end; top = this.heap[0]) {
      this.pop();
      this.now = Math.max(this.now, top.at);
      this.events += 1;
      top.run();
    }
    this.now = end;
  }

  private runOn(node: SimNode, life: number | undefined, run: () => void): void {
    if (!node.isUp || (life !== undefined && node.life !== life)) return;
    if (node.suspendedUntil > this.now)
      this.plan(node.suspendedUntil, () => this.runOn(node, life, run));
    else run();
  }

  private isCut(a: SimNode, b: SimNode): boolean {
    return this.cuts.has(pairOf(a, b));
  }

  private push(event: Event): void {
    const { heap } = this;
    let at = heap.length;
    heap.push(event);
    while (at > 0) {
      const up = (at - 1) >> 1;
      const parent = heap[up];
      if (parent === undefined || !isBefore(event, parent)) break;
      heap[at] = parent;
      at = up;
    }
    heap[at] = event;
  }

  private pop(): void {
    const { heap } = this;
    const event = heap.pop();
    if (event === undefined || heap.length === 0) return;
    let at = 0;
    for (;;) {
      let down = 2 * at + 1;
      let child = heap[down];
      if (child === undefined) break;
      const right = heap[down + 1];
      if (right !== undefined && isBefore(right, child)) {
        down += 1;
        child = right;
      }
      if (!isBefore(child, event)) break;
      heap[at] = child;
      at = down;
    }
    heap[at] = event;
  }
}

function isBefore(a: Event, b: Event): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}

function pairOf(a: SimNode, b: SimNode): string {
  return a.name < b.name ? `${a.name}|${b.name}` : `${b.name}|${a.name}`;
}
