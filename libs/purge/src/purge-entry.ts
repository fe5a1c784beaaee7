import type { TaskId } from '@pondhawk/core';

/** One accepted delete in a cluster's purge log. */
export interface PurgeEntry {
  /** From 1, without gaps. */
  readonly seq: number;
  readonly taskId: TaskId;
  /** 64 hex digits; see `chainHash`. */
  readonly chainHash: string;
}

/** Where a purge log stands. */
export interface LogState {
  /** 32 lower-case hex digits. Numbers of another epoch mean nothing here. */
  readonly epoch: string;
  /** The oldest number that can still be had; above `head` while there is none. */
  readonly first: number;
  /** The newest number; 0 while there was none. */
  readonly head: number;
  /** Chain hash of the newest entry; empty while there was none. */
  readonly headHash: string;
}
