import { setTimeout as sleep } from 'node:timers/promises';

/** How long the order of a cancel is waited for: the two may arrive in any order. */
export const ORDER_WAIT_MS_MAX = 5_000;
/** Cancelled orders that are remembered, should they be delivered once more; the oldest are forgotten. */
export const CANCELS_REMEMBERED_MAX = 10_000;

/** An attempt of an order. */
interface Attempt {
  readonly order_id: number;
  readonly attempt: number;
}

/** Knows which orders are under way here, and which of them are not to go on. */
export class OrderCancels {
  private readonly cancelled = new Set<string>(); // Oldest first.
  private readonly underWay = new Map<string, Set<Promise<void>>>(); // By attempt; no empty sets.
  private readonly begun = new Map<string, Set<() => void>>(); // Who waits for an attempt to begin.

  constructor(private readonly orderWaitMsMax = ORDER_WAIT_MS_MAX) {}

  /** Whether hosts that have not been asked yet are to be spared. */
  isCancelled(order: Attempt): boolean {
    return this.cancelled.has(keyOf(order));
  }

  /** Carries an order out, and has its cancel wait for the end. @throws what `work` throws. */
  async run(order: Attempt, work: () => Promise<void>): Promise<void> {
    const key = keyOf(order);
    const working = work();
    const ending = working.catch(() => undefined); // Whoever carries it out is told.
    const runs = this.underWay.get(key) ?? new Set();
    this.underWay.set(key, runs.add(ending));
    for (const tell of this.begun.get(key) ?? []) tell();
    try {
      await working;
    } finally {
      runs.delete(ending);
      if (runs.size === 0) this.underWay.delete(key);
    }
  }

  /**
   * Cancels an order and waits until it has ended here.
   *
   * @returns false if it has not come by `ORDER_WAIT_MS_MAX`; should it come later, no host is asked.
   */
  async cancel(order: Attempt): Promise<boolean> {
    const key = keyOf(order);
    this.remember(key);
    if (!this.underWay.has(key)) await this.whenBegun(key);
    const runs = [...(this.underWay.get(key) ?? [])];
    await Promise.all(runs);
    return runs.length > 0;
  }

  private remember(key: string): void {
    this.cancelled.add(key);
    if (this.cancelled.size <= CANCELS_REMEMBERED_MAX) return;
    const [oldest = key] = this.cancelled;
    this.cancelled.delete(oldest);
  }

  private async whenBegun(key: string): Promise<void> {
    const enough = new AbortController();
    let tell: () => void = () => undefined;
    const begun = new Promise<void>((resolve) => (tell = resolve));
    const waiters = this.begun.get(key) ?? new Set();
    this.begun.set(key, waiters.add(tell));
    const late = sleep(this.orderWaitMsMax, undefined, { signal: enough.signal });
    late.catch(() => undefined); // It has begun.
    await Promise.race([begun, late]);
    enough.abort();
    waiters.delete(tell);
    if (waiters.size === 0) this.begun.delete(key);
  }
}

function keyOf({ order_id, attempt }: Attempt): string {
  return `${order_id}/${attempt}`;
}
