import type { LogState, PurgeEntry } from './purge-entry.js';

/** Entries kept at hand; older ones are asked of the ledger. */
export const ENTRIES_KEPT_MAX = 10_000;

/**
 * The newest part of a cluster's purge log, as one who does not own it knows it: grows by entries
 * in order of their numbers, and forgets the oldest beyond `ENTRIES_KEPT_MAX`.
 */
export class EntryLog {
  private entries: PurgeEntry[] = []; // Without gaps, up to the head.
  private current: LogState;

  constructor(state: LogState) {
    this.current = state;
  }

  /** Where the log stands, as far as it is known here. */
  get state(): LogState {
    return this.current;
  }

  /**
   * Takes the entries that follow the head; those at or below it are known already.
   *
   * @returns those that were new. Entries behind a gap are not taken: fetch from `state.head` on.
   */
  append(entries: readonly PurgeEntry[]): readonly PurgeEntry[] {
    const added: PurgeEntry[] = [];
    for (const entry of entries) {
      if (entry.seq !== this.current.head + 1) continue;
      added.push(entry);
      const first = Math.min(this.current.first, entry.seq);
      this.current = { ...this.current, first, head: entry.seq, headHash: entry.chainHash };
    }
    this.entries.push(...added);
    if (this.entries.length > ENTRIES_KEPT_MAX)
      this.entries = this.entries.slice(-ENTRIES_KEPT_MAX);
    return added;
  }

  /** Takes over that the log begins at a higher number now: its owner has removed what lies before. */
  truncate(first: number): void {
    if (first <= this.current.first) return;
    this.current = { ...this.current, first };
    this.entries = this.entries.filter(({ seq }) => seq >= first);
  }

  /**
   * Entries after a number, at most `limit`.
   *
   * @returns undefined when some of them are no longer, or not yet, at hand.
   */
  after(seq: number, limit: number): readonly PurgeEntry[] | undefined {
    if (seq >= this.current.head) return [];
    const oldest = this.entries[0]?.seq ?? Infinity;
    if (seq + 1 < oldest) return undefined;
    const start = seq + 1 - oldest;
    return this.entries.slice(start, start + limit);
  }

  /** The chain hash at a number; undefined when it is not at hand. */
  hashAt(seq: number): string | undefined {
    if (seq === 0) return '';
    if (seq === this.current.head) return this.current.headHash;
    const oldest = this.entries[0]?.seq ?? Infinity;
    return this.entries[seq - oldest]?.chainHash;
  }
}
