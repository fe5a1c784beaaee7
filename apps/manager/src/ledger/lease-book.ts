import { LeaseAccount, type LeaseTiming, boundMs } from '@pondhawk/purge';
import { PurgeWatch } from './purge-watch.js';

/** How leases are counted here, and by which clock. */
export interface LeaseBookOptions {
  /** As it is set. */
  readonly timing: LeaseTiming;
  readonly monotonicMs: () => number;
}

/**
 * What this process has measured of leases: an account a cluster, and the purges that wait for hosts.
 * Nothing of it is kept; a new process begins with the caution of R9.
 */
export class LeaseBook {
  /** Purges accepted by this process whose hosts have not all ended. */
  readonly watch: PurgeWatch;
  private readonly accounts = new Map<number, LeaseAccount>();
  private startedAtMs: number;
  private counted: LeaseTiming;

  constructor(private readonly options: LeaseBookOptions) {
    this.startedAtMs = options.monotonicMs();
    this.counted = options.timing;
    this.watch = new PurgeWatch((clusterId) => this.of(clusterId), options.monotonicMs);
  }

  /** Nobody has ever been given a view of this ledger: there is nothing to be cautious of. Before any account is asked for. */
  beginFresh(): void {
    this.startedAtMs -= boundMs(this.counted);
  }

  /** As it is set. */
  get configured(): LeaseTiming {
    return this.options.timing;
  }

  /** What is counted with: never less than any lease that may be out. */
  get timing(): LeaseTiming {
    return this.counted;
  }

  /** A cluster's account. */
  of(clusterId: number): LeaseAccount {
    let account = this.accounts.get(clusterId);
    if (account === undefined) {
      const { monotonicMs } = this.options;
      account = new LeaseAccount(() => this.counted, monotonicMs, undefined, this.startedAtMs);
      this.accounts.set(clusterId, account);
    }
    return account;
  }

  /** Counts with lengths that leases of a former start may still have. */
  countWith(timing: LeaseTiming): void {
    this.counted = timing;
  }

  /** Whether leases of former starts have all run out. */
  get isSettled(): boolean {
    return this.options.monotonicMs() - this.startedAtMs >= boundMs(this.counted);
  }
}

/** The greater of each. */
export function longestTiming(left: LeaseTiming, right: LeaseTiming): LeaseTiming {
  return {
    schedulerLeaseMs: Math.max(left.schedulerLeaseMs, right.schedulerLeaseMs),
    hostLeaseMs: Math.max(left.hostLeaseMs, right.hostLeaseMs),
    marginMs: Math.max(left.marginMs, right.marginMs),
  };
}
