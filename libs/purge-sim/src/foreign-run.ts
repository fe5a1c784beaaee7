import type { PurgeEntry } from '@pondhawk/purge';
import type { ForeignOutcome, ForeignReport } from './foreign-targets.js';
import type { SimContext } from './parts.js';
import type { SimManager } from './sim-manager.js';
import type { SimNode } from './world.js';

/** After this the broker brings a report again that nobody has acknowledged, and later again. */
const AGAIN_MS = 40;
const BUSY_MS_MAX = 150;

/** An order as a scheduler gets it. */
export interface ForeignOrderMessage {
  readonly entry: PurgeEntry;
  readonly attempt: number;
  /** Those that the ledger names. */
  readonly names: readonly string[];
}

/** One carrying out of an order: its reports, each of which the broker brings until it was taken, in any order. */
export class ForeignRun {
  private number = 0;
  private left: number;

  constructor(
    private readonly context: SimContext,
    private readonly ends: { readonly scheduler: SimNode; readonly manager: SimManager },
    private readonly order: ForeignOrderMessage,
    private readonly run: { readonly startedAtMs: number; readonly asked: readonly string[] },
  ) {
    this.left = run.asked.length;
    const unknown = run.asked.filter((name) => !order.names.includes(name));
    // One name a report, where the real ones have hundreds.
    unknown.forEach((name, index) => {
      this.report([[name, 'pending']], { namesFollow: index < unknown.length - 1 });
    });
    if (this.left === 0) this.report([], { isLast: true });
  }

  /** A daemon's share is over; with the last of them the order is. */
  end(name: string, outcome: ForeignOutcome): void {
    this.left -= 1;
    this.report([[name, outcome]]);
    if (this.left === 0) this.report([], { isLast: true });
  }

  private report(
    outcomes: ForeignReport['outcomes'],
    { namesFollow = false, isLast = false } = {},
  ): void {
    const { entry, attempt } = this.order;
    const { startedAtMs, asked } = this.run;
    this.number += 1;
    const place = { runStartedAtMs: startedAtMs, number: this.number };
    const { world } = this.context;
    const { prng, faults } = world;
    // A ledger that cannot write has the report come again, after others.
    const busyMs = prng.chance(faults.busyLedger) ? prng.between(AGAIN_MS, BUSY_MS_MAX) : 0;
    const report = { entry, attempt, place, outcomes, namesFollow, isLast, asked };
    this.deliver(report, world.now + busyMs);
  }

  private deliver(report: ForeignReport, busyUntil: number): void {
    const { world } = this.context;
    const { scheduler, manager } = this.ends;
    let isTaken = false;
    world.send(scheduler, manager, () => {
      isTaken = world.now >= busyUntil && manager.takeForeign(report) !== 'early';
    });
    world.plan(world.now + AGAIN_MS, () => {
      if (!isTaken && !manager.hasEnded(report.entry)) this.deliver(report, busyUntil);
    });
  }
}
