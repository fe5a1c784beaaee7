/** Rows of jobs, targets and orders as readers get them. Rows that no code of ours writes are refused. */

import {
  SCHEDULER_NODE,
  type ReportVerification,
  type TargetVerification,
} from '@pondhawk/contracts';
import { DataCorruptionError, type FailureStrategy } from '@pondhawk/core';
import {
  type JobOutcome,
  type JobPhase,
  type JobState,
  type JobType,
  type OrderState,
  isJobType,
  isTargetOutcome,
} from '@pondhawk/jobs';
import type { HeldTask, HostRecord, PreheatedTask } from './host-record.js';
import type {
  ClusterFinality,
  JobRecord,
  ListedTask,
  OrderRecord,
  TargetRecord,
} from './records.js';
import type { JobRow, OrderRow, TargetRow } from './tables.js';

/** A row of jobs. @throws DataCorruptionError (`LEDGER_ROW_INVALID`). */
export function toJobRecord(row: JobRow): JobRecord {
  if (!isJobType(row.type)) throw invalidRow('jobs', row.id);
  return {
    id: row.id,
    uuid: row.uuid,
    type: row.type satisfies JobType,
    isDryRun: row.dry_run !== 0,
    retryOf: row.retry_of ?? undefined,
    purgedCount: row.purged_count,
    state: row.state as JobState,
    phase: row.phase as JobPhase,
    outcome: (row.outcome ?? undefined) as JobOutcome | undefined,
    bio: row.bio,
    userId: row.user_id,
    args: parseObject(row.args),
    spec: {
      timeoutMs: row.timeout_ms,
      parallelism: row.parallelism,
      failureStrategy: row.failure_strategy as FailureStrategy,
    },
    createdAtMs: row.created_at_ms,
    updatedAtMs: row.updated_at_ms,
    deadlineAtMs: row.deadline_at_ms,
    endedAtMs: row.ended_at_ms ?? undefined,
    cancelledAtMs: row.cancelled_at_ms ?? undefined,
    version: row.version,
  };
}

/** A row of targets. @throws DataCorruptionError (`LEDGER_ROW_INVALID`). */
export function toTargetRecord(row: TargetRow): TargetRecord {
  if (!isTargetOutcome(row.outcome)) throw invalidRow('targets', row.node);
  const held = parseHeld(row);
  return {
    node: row.node,
    clusterId: row.scheduler_cluster_id,
    host: JSON.parse(row.host) as HostRecord,
    outcome: row.outcome,
    code: row.code,
    message: row.message,
    deletedBytes: row.deleted_bytes,
    attempts: row.attempts,
    startedAtMs: row.started_at_ms,
    endedAtMs: row.ended_at_ms ?? undefined,
    hostCount: isScheduler(row.node) ? row.held_count : undefined,
    task: Array.isArray(held) ? undefined : held,
    ...(isPreheats(held) ? { preheats: held } : {}),
    later: row.later ?? undefined,
    verification: parseVerification(row.verification),
  };
}

/** Whether a node is a scheduler, as in a `sync_peers`; the others are hosts. */
export function isScheduler(node: string): boolean {
  return node.startsWith(SCHEDULER_NODE);
}

/** The tasks of a target of `list_tasks`, in the order that the scheduler gave. */
export function toListedTasks(row: TargetRow): ListedTask[] {
  const held = parseHeld(row);
  const target = toTargetRecord(row);
  return Array.isArray(held) && !isPreheats(held) ? held.map((task) => ({ target, task })) : [];
}

/** A row of orders. */
export function toOrderRecord(
  row: Pick<
    OrderRow,
    'id' | 'scheduler_id' | 'attempt' | 'state' | 'error_code' | 'error_message' | 'verification'
  >,
): OrderRecord {
  return {
    id: row.id,
    schedulerId: row.scheduler_id ?? undefined,
    attempt: row.attempt,
    state: row.state as OrderState,
    errorCode: row.error_code,
    errorMessage: row.error_message,
    verification:
      row.verification === null ? undefined : (JSON.parse(row.verification) as ReportVerification),
  };
}

/** What was seen of a host from outside. */
export function parseVerification(text: string | null): TargetVerification | undefined {
  return text === null ? undefined : (JSON.parse(text) as TargetVerification);
}

/** What stood against the promise of a purge. */
export function parseFinality(text: string | null): ClusterFinality | undefined {
  return text === null ? undefined : (JSON.parse(text) as ClusterFinality);
}

/** A JSON column that holds an object. */
export function parseObject(text: string): Record<string, unknown> {
  return JSON.parse(text) as Record<string, unknown>;
}

type Held = HeldTask | HeldTask[] | PreheatedTask[] | undefined;

function parseHeld(row: TargetRow): Held {
  return row.held === null ? undefined : (JSON.parse(row.held) as Held);
}

function isPreheats(held: Held): held is PreheatedTask[] {
  return Array.isArray(held) && held[0] !== undefined && 'outcome' in held[0];
}

function invalidRow(table: string, key: number | string): DataCorruptionError {
  return new DataCorruptionError(
    'LEDGER_ROW_INVALID',
    `Row ${key} of ${table} holds a value that this program does not know.`,
    { details: { table, key } },
  );
}
