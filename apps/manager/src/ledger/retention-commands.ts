/** The commands that remove what is old, by themselves or as a job. */

import type { GcKind } from '@pondhawk/jobs';
import type { EndedJob } from './command-catalog.js';

/** What a `gc` removes: records of ended jobs, or audits, that are older than this. */
export interface GcOrder {
  readonly kind: GcKind;
  readonly ageMsMax: number;
}

/** Looks for what is older than it is kept. */
export interface RemoveAged {
  readonly atMs: number;
  /** Since the end of a job. */
  readonly jobAgeMsMax: number;
  /** Since a purge was accepted. */
  readonly purgeAgeMsMax: number;
  /** Since an audit was written. */
  readonly auditAgeMsMax: number;
}

/** How many rows of each kind were removed. */
export interface RemovedAged {
  readonly jobs: number;
  readonly keys: number;
  readonly hosts: number;
  readonly purges: number;
  readonly audits: number;
  /** There may be more: a command removes only so much. */
  readonly hasMore: boolean;
}

/** One bounded part of a `gc` to carry out. */
export interface RunGc {
  readonly atMs: number;
  readonly jobId: number;
}

/** What it came to. */
export interface RanGc {
  readonly kind: GcKind;
  readonly removedCount: number;
  /** Present when nothing was left to remove. */
  readonly ended?: EndedJob;
}

/** By name. */
export interface RetentionCommands {
  /** Removes a bounded part of what is old; nothing of a job that has not ended. */
  readonly 'remove-aged': { readonly input: RemoveAged; readonly result: RemovedAged };
  /** Removes a bounded part, counts it at the job, and ends the job when nothing is left. Undefined if it had ended before, or is gone. */
  readonly 'run-gc': { readonly input: RunGc; readonly result: RanGc | undefined };
}
