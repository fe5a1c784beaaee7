import type { ReportVerification, TargetVerification } from '@pondhawk/contracts';
import type { TargetOutcome } from '@pondhawk/jobs';
import type { HeldTask, HostRecord, PreheatedTask } from './host-record.js';

/** What a scheduler reports of one node; field names as on the wire. */
export interface TargetReport {
  /** `host:<host id>`; of `sync_peers` `scheduler:<id>`. */
  readonly node: string;
  readonly host: HostRecord;
  /** Number of the try, from 1; 0 while none was made. */
  readonly try: number;
  readonly outcome: TargetOutcome;
  readonly code?: string | undefined;
  readonly message?: string | undefined;
  readonly deleted_bytes?: number | undefined;
  readonly attempts: number;
  readonly started_at_ms: number;
  readonly ended_at_ms?: number | undefined;
  /** `delete_task` with `verify`; not with each host that passed. */
  readonly verification?: TargetVerification | undefined;
  /** `get_task`: what the host holds. */
  readonly task?: HeldTask | undefined;
  /** `list_tasks`: what the host holds, sorted by task id. */
  readonly tasks?: readonly HeldTask[] | undefined;
  /** `preheat`: what came of each task on the host. */
  readonly preheats?: readonly PreheatedTask[] | undefined;
  /** `sync_peers`: hosts that the scheduler has told of. */
  readonly host_count?: number | undefined;
}

/** A report of one attempt at one order; the payload of the reports subject fits. */
export interface OrderReport {
  readonly report_id: string;
  readonly order_id: number;
  readonly job_id: number;
  readonly attempt: number;
  readonly scheduler_id: number;
  readonly scheduler_cluster_id: number;
  /** When the scheduler began to carry the attempt out, Unix ms. */
  readonly run_started_at_ms: number;
  /** Position within that run, from 1. */
  readonly number: number;
  /** At most 500. */
  readonly targets: readonly TargetReport[];
  /** The next report names more hosts that the order does not. */
  readonly names_follow?: boolean | undefined;
  /** No more reports of this run follow; those before it are recorded first. */
  readonly is_last: boolean;
  /** The order could not be carried out. */
  readonly error?: { readonly code: string; readonly message: string } | undefined;
  /** With the last report of a `delete_task` with `verify`. */
  readonly verification?: ReportVerification | undefined;
}
