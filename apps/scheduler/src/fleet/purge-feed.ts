import { setTimeout as sleep } from 'node:timers/promises';
import { ENTRIES_PER_MESSAGE_MAX, toLogState, toPurgeEntry } from '@pondhawk/contracts';
import type { pondhawkV1 } from '@pondhawk/contracts';
import { backoffDelayMs, toError, UnavailableError, WakeLoop, type TaskId } from '@pondhawk/core';
import type { Log } from '@pondhawk/observability';
import { chainHash, EntryLog, type LogState, type PurgeEntry } from '@pondhawk/purge';
import type { ManagerCalls } from './manager-calls.js';

const RETRY_BACKOFF = { baseMs: 100, capMs: 2_000 };

/** The purge of an order. */
export interface OrderedPurge {
  readonly epoch: string;
  readonly seq: number;
  readonly taskId: TaskId;
}

/**
 * The cluster's purge log as this scheduler knows it, in memory. It grows by orders and by what
 * enrolments tell, in order of the numbers: a gap is fetched from the manager. Another epoch
 * replaces it. Listeners are told of each growth and replacement.
 */
export class PurgeFeed {
  private log: EntryLog | undefined; // Undefined until the manager has told it.
  private readonly listeners = new Set<() => void>();
  private readonly filling = new WakeLoop(() => this.fill());
  private readonly stopping = new AbortController();

  constructor(
    private readonly manager: ManagerCalls,
    private readonly logger: Log,
  ) {}

  /** Where the log stands; undefined until the manager has told it. */
  get state(): LogState | undefined {
    return this.log?.state;
  }

  /** Calls `listener` after the log has changed. @returns how to stop. */
  onChange(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /**
   * Takes what the manager says of the log. What it has beyond the entries known here is fetched
   * in the background, again and again until it is here.
   *
   * @returns what the manager said.
   */
  adopt(message: pondhawkV1.LogState | undefined): LogState {
    const state = toLogState(message);
    if (!this.continues(state)) {
      this.log = new EntryLog(state);
      this.tell();
      return state;
    }
    this.log?.truncate(state.first);
    if (state.head > (this.log?.state.head ?? 0)) this.filling.wake();
    return state;
  }

  /**
   * What this scheduler knows and a state of the same epoch contradicts: a ledger that went back in
   * time gives such states. So may an answer that was overtaken; the manager decides.
   */
  findContradiction(state: LogState): { readonly seq: number; readonly hash: string } | undefined {
    const own = this.log?.state;
    if (own?.epoch !== state.epoch || own.headHash === '') return undefined;
    const isOlder = state.head < own.head;
    const isOther = state.head === own.head && state.headHash !== own.headHash;
    return isOlder || isOther ? { seq: own.head, hash: own.headHash } : undefined;
  }

  /** Makes the purge of an order part of the log. @throws what the manager's answers throw. */
  async learn(purge: OrderedPurge): Promise<void> {
    const state = this.log?.state;
    if (state?.epoch === purge.epoch && purge.seq === state.head + 1) {
      const { seq, taskId } = purge;
      this.append([{ seq, taskId, chainHash: chainHash(state.headHash, seq, taskId) }]);
    } else if (state?.epoch !== purge.epoch || purge.seq > state.head) {
      await this.fetchNewest();
    }
  }

  /** Ends what is fetched in the background. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await this.filling.idle();
  }

  /**
   * Entries after a number, in order; fetched from the manager when they are not at hand.
   *
   * @throws UnavailableError (`PURGE_LOG_TRUNCATED`) when the log does not reach back that far any more.
   */
  async after(seq: number, limit = ENTRIES_PER_MESSAGE_MAX): Promise<readonly PurgeEntry[]> {
    const known = this.log?.after(seq, limit);
    if (known !== undefined) return known;
    const { log, entries } = await this.manager.listPurges(seq, limit);
    const state = this.adopt(log);
    if (seq + 1 < state.first) {
      const text = `The purge log begins at ${state.first} by now; what follows ${seq} is gone.`;
      throw new UnavailableError('PURGE_LOG_TRUNCATED', text);
    }
    return entries.map(toPurgeEntry);
  }

  /** The chain hash at a number, or undefined if the log has no such number. */
  async hashAt(seq: number): Promise<string | undefined> {
    const known = this.log?.hashAt(seq);
    if (known !== undefined) return known;
    const [entry] = await this.after(seq - 1, 1);
    return entry?.seq === seq ? entry.chainHash : undefined;
  }

  private async fill(): Promise<void> {
    const { signal } = this.stopping;
    for (let failures = 0; !signal.aborted;) {
      try {
        await this.fetchNewest();
        return;
      } catch (thrown) {
        failures += 1;
        if (failures === 1) {
          this.logger.warn('the purge log cannot be fetched now', { err: toError(thrown) });
        }
        const delayMs = backoffDelayMs(failures, RETRY_BACKOFF, Math.random);
        await sleep(delayMs, undefined, { signal }).catch(() => undefined); // Stopping.
      }
    }
  }

  /** Fetches all that the manager has beyond what is known. */
  private async fetchNewest(): Promise<void> {
    for (;;) {
      const after = this.log?.state.head ?? 0;
      const { log, entries } = await this.manager.listPurges(after, ENTRIES_PER_MESSAGE_MAX);
      const state = toLogState(log);
      if (!this.continues(state)) {
        this.adopt(log);
        return;
      }
      this.append(entries.map(toPurgeEntry));
      if ((this.log?.state.head ?? 0) >= state.head || entries.length === 0) return;
    }
  }

  /** Whether a state is of the log known here, and that log reaches back to what is known. */
  private continues({ epoch, first }: LogState): boolean {
    return this.log?.state.epoch === epoch && this.log.state.head + 1 >= first;
  }

  private append(entries: readonly PurgeEntry[]): void {
    if ((this.log?.append(entries).length ?? 0) > 0) this.tell();
  }

  private tell(): void {
    for (const listener of this.listeners) listener();
  }
}
