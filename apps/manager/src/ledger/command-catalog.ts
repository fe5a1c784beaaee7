/**
 * The commands that change the ledger: plain data, each with its own time (`atMs`, Unix ms), applied
 * whole or not at all. All of them may be repeated without harm, except `accept-job`.
 */

import type { JobOutcome, JobState, JobType, PreheatRule, ReportPlacing } from '@pondhawk/jobs';
import type { OperationSpec } from '@pondhawk/core';
import type { LogState } from '@pondhawk/purge';
import type { FenceableNodes } from './purge-watch.js';
import type { ClusterCommands } from './cluster-commands.js';
import type { EnrolmentCommands } from './enrolment-commands.js';
import type { IdentityCommands } from './identity-commands.js';
import type { InstanceCommands } from './instance-commands.js';
import type { NamedRecordCommands } from './named-records.js';
import type { OrderReport } from './order-report.js';
import type { JobDetail, OutboxMessage } from './records.js';
import type { GcOrder, RetentionCommands } from './retention-commands.js';

/** A job to accept. */
export interface AcceptJob {
  readonly atMs: number;
  /** How it is carried out. */
  readonly type: JobType;
  /** A `get_task` that was ordered as a delete that only asks. */
  readonly isDryRun?: boolean;
  /** Echoed to readers as it is; no secrets. */
  readonly args: Readonly<Record<string, unknown>>;
  /** What schedulers get of it; of a preheat the ticket alone, the rest says who gets it. */
  readonly orderArgs:
    | PreheatOrderArgs
    | {
        readonly task_id?: string;
        readonly page?: number;
        readonly per_page?: number;
        /** Of `gc`: what is removed, and from which age on. */
        readonly gc?: GcOrder;
        readonly task_ids?: readonly string[];
      };
  /** What of it may be secret, sealed; with preheats. */
  readonly sealed?: string;
  readonly spec: OperationSpec;
  /** Empty or absent: all clusters. */
  readonly clusterIds?: readonly number[];
  readonly bio: string;
  readonly userId: number;
  /** A random uuid, made by the caller; `task_id` of the job is `group_<uuid>`. */
  readonly uuid: string;
  /** Absent: the request is a new one whatever it says. */
  readonly idempotency?: IdempotencyKey | undefined;
}

/** What of a preheat is no secret. */
export interface PreheatOrderArgs extends PreheatRule {
  /** 32 lower-case hex digits, random: who shows them is told what is sealed. */
  readonly ticket: string;
  /** At least one, each once. */
  readonly task_ids: readonly string[];
}

/** How a request that comes again is known. */
export interface IdempotencyKey {
  readonly key: string;
  /** Of what is asked for. */
  readonly requestHash: string;
}

/** An accepted job and what must be sent for it. */
export interface AcceptedJob {
  readonly jobId: number;
  readonly clusterIds: readonly number[];
  readonly messages: readonly OutboxMessage[];
  /** The job was accepted before, under the same key; nothing was done now. */
  readonly isRepeated: boolean;
  /** The job as it stands with the commit; absent with one that was accepted before. */
  readonly detail?: JobDetail;
}

/** Messages that the broker has taken. */
export interface MarkSent {
  readonly atMs: number;
  readonly messages: readonly Pick<OutboxMessage, 'id' | 'sendCount'>[];
}

/** The streams of an epoch are gone, or others stand in their place. */
export interface RenewBroker {
  readonly atMs: number;
  readonly lostEpoch: string;
  /** 32 random hex digits. */
  readonly newEpoch: string;
}

/** The streams of an epoch are there; those of the former one are not any more. */
export interface RecordStreams {
  readonly atMs: number;
  readonly epoch: string;
  /** When the broker made them, as it says. */
  readonly jobsCreated: string;
  readonly reportsCreated: string;
}

/** A report as it came from a scheduler. */
export interface RecordReport {
  readonly atMs: number;
  readonly report: OrderReport;
}

/** How a job ended in this command. */
export interface EndedJob {
  readonly jobId: number;
  readonly type: JobType;
  readonly state: JobState;
  readonly outcome: JobOutcome;
  /** From its acceptance. */
  readonly durationMs: number;
}

/** What became of a report; anything but `recorded` changed nothing. */
export interface RecordedReport {
  /** `early`: one that comes before it has not been recorded yet, so it has to come again. */
  readonly status:
    'recorded' | 'unknown-order' | 'stale-attempt' | 'job-ended' | Exclude<ReportPlacing, 'next'>;
  readonly jobId: number;
  /** Targets that are new or have another outcome than before. */
  readonly changedTargetCount: number;
  /** Present when this report was the one that ended the job. */
  readonly ended?: EndedJob;
}

/** Looks for what time has run out for. */
export interface ExpireJobs {
  readonly atMs: number;
}

/** What ran out. */
export interface ExpiredJobs {
  /** Waiting orders that failed with `NO_ACTIVE_SCHEDULER`. */
  readonly failedOrderCount: number;
  readonly ended: readonly EndedJob[];
}

/** An order that went on under the next attempt, because no word of the former one came. */
export interface TakenOver {
  readonly jobId: number;
  readonly orderId: number;
  readonly formerAttempt: number;
  readonly formerSchedulerId: number | undefined;
  /** Undefined: no scheduler is active, and the order waits for one. */
  readonly schedulerId: number | undefined;
}

/** A job that is not to go on. */
export interface CancelJob {
  readonly atMs: number;
  readonly jobId: number;
}

/** A job whose open targets are to be tried again. */
export interface RetryJob {
  readonly atMs: number;
  readonly jobId: number;
  readonly userId: number;
  /** Of the new job. */
  readonly uuid: string;
  readonly idempotency?: IdempotencyKey | undefined;
}

/** A job's record to remove, with its targets, orders and events. */
export interface DeleteJobRecord {
  readonly atMs: number;
  readonly jobId: number;
}

/** A scheduler that registers; keyed by (hostName, ip, clusterId). Does not make it active. */
export interface UpsertScheduler {
  readonly atMs: number;
  readonly clusterId: number;
  readonly hostName: string;
  readonly ip: string;
  readonly port: number;
  readonly idc: string;
  readonly location: string;
  readonly features: readonly string[];
  /** How often it will send a keepalive, ms; it is active until three of them are missing. */
  readonly keepAliveIntervalMs: number;
}

/** A seed peer that registers; keyed by (hostName, ip, clusterId). */
export interface UpsertSeedPeer {
  readonly atMs: number;
  readonly clusterId: number;
  readonly hostName: string;
  readonly type: string;
  readonly ip: string;
  readonly port: number;
  readonly downloadPort: number;
  readonly idc: string;
  readonly location: string;
  readonly keepAliveIntervalMs: number;
}

/** One keepalive of a registered instance. */
export interface KeepAlive {
  readonly atMs: number;
  readonly source: 'scheduler' | 'seed-peer';
  readonly clusterId: number;
  readonly hostName: string;
  readonly ip: string;
}

/** What a keepalive brought: orders that waited for a scheduler of this cluster and are now to be sent. */
export interface KeptAlive {
  readonly id: number;
  readonly messages: readonly OutboxMessage[];
}

/** Hosts of a purge that cannot serve what it purged although they have not answered. */
export interface FenceTargets extends FenceableNodes {
  readonly atMs: number;
}

/** What a host did with an entry of the purge log, told when no order waited for it. */
export interface LateOutcome {
  readonly hostId: string;
  readonly seq: number;
  readonly outcome: 'deleted' | 'absent' | 'failed';
  readonly deletedBytes?: number;
  /** With `failed`. */
  readonly code?: string;
  readonly message?: string;
  /** Which daemon did it; what another one did says nothing of a target that names one. */
  readonly daemon?: { readonly incarnation: string; readonly lock: string };
}

/** Outcomes that came after the orders that they belong to; at most 500. */
export interface RecordLater {
  readonly atMs: number;
  readonly clusterId: number;
  readonly epoch: string;
  readonly outcomes: readonly LateOutcome[];
}

/** A host says that an entry of a log has another hash, or exists at all, than the ledger knows. */
export interface RenewLogId {
  readonly atMs: number;
  readonly clusterId: number;
  readonly epoch: string;
  readonly hostId: string;
  readonly seq: number;
  readonly chainHash: string;
  /** 32 random hex digits: the epoch of all logs if the host is right. */
  readonly newEpoch: string;
}

/** Each command by name: what goes in and what its commit answers. */
export interface LedgerCommands
  extends
    IdentityCommands,
    ClusterCommands,
    EnrolmentCommands,
    InstanceCommands,
    NamedRecordCommands,
    RetentionCommands {
  /**
   * Job, clusters, orders, outbox rows and event in one commit. One order for each active scheduler
   * of each cluster; a cluster without one gets a waiting order.
   *
   * @throws NotFoundError (`CLUSTER_NOT_FOUND`) for a cluster id that does not exist.
   * @throws ConflictError (`IDEMPOTENCY_KEY_REUSED`) if the key stands for another request.
   */
  readonly 'accept-job': { readonly input: AcceptJob; readonly result: AcceptedJob };
  /** Begins the leases of the orders that were sent. */
  readonly 'mark-sent': { readonly input: MarkSent; readonly result: undefined };
  /** Changes nothing unless `lostEpoch` is in force. Answers the epoch in force after. */
  readonly 'renew-broker': {
    readonly input: RenewBroker;
    readonly result: { readonly epoch: string; readonly resentCount: number };
  };
  /** Changes nothing under another epoch. */
  readonly 'record-streams': { readonly input: RecordStreams; readonly result: undefined };
  /** Merges targets, moves the order and renews its lease, and ends the job in the same commit when nothing is left. */
  readonly 'record-report': { readonly input: RecordReport; readonly result: RecordedReport };
  readonly 'expire-jobs': { readonly input: ExpireJobs; readonly result: ExpiredJobs };
  /** Gives orders whose attempt is over to other schedulers, at most 500 a command. */
  readonly 'expire-leases': {
    readonly input: { readonly atMs: number };
    readonly result: { readonly takenOver: readonly TakenOver[] };
  };
  /**
   * Ends the orders that no scheduler was sent, and has the others tell theirs; the job ends once they
   * have. Changes nothing if it was cancelled before.
   *
   * @throws NotFoundError (`JOB_NOT_FOUND`).
   * @throws ConflictError (`JOB_ENDED`) for a job that ended by itself.
   */
  readonly 'cancel-job': {
    readonly input: CancelJob;
    /** Present when nothing was left to wait for. */
    readonly result: { readonly ended?: EndedJob };
  };
  /**
   * A new job over the targets of an ended one that did not end well, of a delete under the same numbers
   * of the purge logs.
   *
   * @throws NotFoundError (`JOB_NOT_FOUND`).
   * @throws ConflictError (`JOB_NOT_FINISHED`) while it has not ended; (`RETRY_UNDER_WAY`) while a retry
   *   of it has not; (`NOTHING_TO_RETRY`) if all ended well; (`PURGE_NOT_LOGGED`) if a purge log does not
   *   have the delete any more; (`IDEMPOTENCY_KEY_REUSED`).
   */
  readonly 'retry-job': { readonly input: RetryJob; readonly result: AcceptedJob };
  /**
   * @throws NotFoundError (`JOB_NOT_FOUND`).
   * @throws ConflictError (`JOB_NOT_FINISHED`) while the job has not ended.
   */
  readonly 'delete-job-record': { readonly input: DeleteJobRecord; readonly result: undefined };
  /** @throws NotFoundError (`CLUSTER_NOT_FOUND`). */
  readonly 'upsert-scheduler': {
    readonly input: UpsertScheduler;
    readonly result: { readonly id: number };
  };
  /** @throws NotFoundError (`CLUSTER_NOT_FOUND`). */
  readonly 'upsert-seed-peer': {
    readonly input: UpsertSeedPeer;
    readonly result: { readonly id: number };
  };
  /** @throws NotFoundError (`INSTANCE_NOT_REGISTERED`). */
  readonly 'keep-alive': { readonly input: KeepAlive; readonly result: KeptAlive };
  /**
   * Fences nodes of a purge that have not ended, and ends the job if nothing is left to wait for.
   * Changes nothing once the job has ended.
   */
  readonly 'fence-targets': {
    readonly input: FenceTargets;
    readonly result: { readonly fencedCount: number; readonly ended?: EndedJob | undefined };
  };
  /**
   * Ends targets that a running job still waits for, and the job if they were the last; beside targets that
   * were given up it notes what was done later. Changes nothing under another epoch.
   */
  readonly 'record-later': {
    readonly input: RecordLater;
    readonly result: { readonly changedTargetCount: number };
  };
  /** Changes nothing unless the ledger indeed knows the number otherwise. Answers the state after. */
  readonly 'renew-log-id': { readonly input: RenewLogId; readonly result: LogState };
  /** Somebody has read why the logs got a new epoch. */
  readonly 'acknowledge-purge-log': {
    readonly input: { readonly atMs: number };
    readonly result: undefined;
  };
}

/** Names of the commands. */
export type LedgerCommandName = keyof LedgerCommands;
