import { AsyncLocalStorage } from 'node:async_hooks';
import type { AuditEntry } from './identity-records.js';

/**
 * The audit of one request. *Open*: nothing is written. *Claimed*: its first command carries the entry
 * and writes it in the command's own transaction, so that no change is without its audit and no audit
 * without its change. *Recorded*: the commit has succeeded. A refused command opens it again: what
 * failed is written by whoever answers the request. *Closed*: it has been answered; what still runs
 * because of it is no part of it.
 */
export class AuditScope {
  private state: 'open' | 'claimed' | 'recorded' | 'closed' = 'open';

  /** @param describe who does what, as far as it is known when a command is given. */
  constructor(private readonly describe: () => AuditEntry) {}

  /** The entry for the command that is being given, unless another one carries it. */
  claim(): AuditEntry | undefined {
    if (this.state !== 'open') return undefined;
    this.state = 'claimed';
    return this.describe();
  }

  /** Says what became of the command that carries the entry. */
  settle(isCommitted: boolean): void {
    if (this.state === 'claimed') this.state = isCommitted ? 'recorded' : 'open';
  }

  /** The request has been answered. @returns whether its success had been written. */
  close(): boolean {
    const isRecorded = this.state === 'recorded';
    this.state = 'closed';
    return isRecorded;
  }
}

/** The audit of the request that is being answered; commands given within pick it up. */
export const auditScopes = new AsyncLocalStorage<AuditScope | undefined>();
