/** What readers of the ledger get: rows with their JSON parsed. Times are Unix ms. */

import type { CountedRow } from '@pondhawk/purge';
import type {
  JobOutcome,
  JobPhase,
  JobState,
  JobType,
  OrderState,
  TargetCounts,
  TargetOutcome,
} from '@pondhawk/jobs';
import type { JobMessageType, ReportVerification, TargetVerification } from '@pondhawk/contracts';
import type { OperationSpec } from '@pondhawk/core';
import type { FinalityReason, LogState, Waiver } from '@pondhawk/purge';
import type { HeldTask, HostRecord, PreheatedTask } from './host-record.js';

/** An order, or the end of one, on its way to one scheduler. The message id is `<id>.<sendCount>`. */
export interface OutboxMessage {
  readonly id: number;
  readonly sendCount: number;
  readonly jobId: number;
  readonly orderId: number;
  readonly clusterId: number;
  readonly schedulerId: number;
  readonly type: JobMessageType;
  /** JSON text of its payload. */
  readonly payload: string;
}

/** A job without its targets. */
export interface JobRecord {
  readonly id: number;
  readonly uuid: string;
  /** How it is carried out. */
  readonly type: JobType;
  /** Ordered as a delete that only asks: a `get_task` that is shown as `delete_task`. */
  readonly isDryRun: boolean;
  /** The job whose open targets it has. */
  readonly retryOf: number | undefined;
  /** What a `gc` has removed up to now; 0 with other jobs. */
  readonly purgedCount: number;
  readonly state: JobState;
  readonly phase: JobPhase;
  /** Absent until it has ended. */
  readonly outcome: JobOutcome | undefined;
  readonly bio: string;
  readonly userId: number;
  readonly args: Readonly<Record<string, unknown>>;
  readonly spec: OperationSpec;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
  readonly deadlineAtMs: number;
  readonly endedAtMs: number | undefined;
  /** When somebody asked for its end. */
  readonly cancelledAtMs: number | undefined;
  /** Ledger number of its acceptance. */
  readonly version: number;
}

/** What stands against the promise that a purge is final in a cluster. */
export interface ClusterFinality {
  readonly reasons: readonly FinalityReason[];
  /** Ids of hosts that are the reason, at most `FINALITY_HOSTS_MAX`. */
  readonly hosts: readonly string[];
}

/** One cluster's part of a job. */
export interface JobClusterRecord {
  readonly id: number;
  readonly name: string;
  readonly counts: TargetCounts;
  readonly deletedBytes: number;
  /** Stored of the task, on all hosts; of dry runs alone. */
  readonly heldBytes: number;
  /** Targets that had ended well in the jobs that this one retries. */
  readonly settledCount: number;
  /** Number in the cluster's purge log; with deletes. */
  readonly purgeSeq: number | undefined;
  /** With deletes. */
  readonly finality: ClusterFinality | undefined;
  readonly orders: readonly OrderRecord[];
}

/** An order as it stands. */
export interface OrderRecord {
  readonly id: number;
  readonly schedulerId: number | undefined;
  readonly attempt: number;
  readonly state: OrderState;
  /** Why it could not be carried out. */
  readonly errorCode: string;
  readonly errorMessage: string;
  /** Of a delete with `verify`, once the order has ended: what its hosts did when they were asked from outside. */
  readonly verification: ReportVerification | undefined;
}

/** An order that has not ended, with what of its job is sealed. */
export interface SealedOrder {
  readonly schedulerId: number | undefined;
  readonly attempt: number;
  /** Whoever shows it may know. */
  readonly ticket: string;
  readonly sealed: string;
}

/** One target of a job. */
export interface TargetRecord {
  readonly node: string;
  readonly clusterId: number;
  readonly host: HostRecord;
  readonly outcome: TargetOutcome;
  readonly code: string;
  readonly message: string;
  readonly deletedBytes: number;
  readonly attempts: number;
  readonly startedAtMs: number;
  readonly endedAtMs: number | undefined;
  /** `sync_peers`: hosts that the scheduler has told of; undefined with hosts. */
  readonly hostCount: number | undefined;
  /** `get_task`: what the host holds. */
  readonly task: HeldTask | undefined;
  /** `preheat`: what came of each task; absent until all have ended. */
  readonly preheats?: readonly PreheatedTask[];
  /** What the host did with the purge after the job had given it up. */
  readonly later: string | undefined;
  /** What it did when it was asked from outside; absent with hosts that were not, and that passed having had nothing. */
  readonly verification: TargetVerification | undefined;
}

/** One task that one host holds, as `list_tasks` found it. */
export interface ListedTask {
  readonly target: TargetRecord;
  readonly task: HeldTask;
}

/** A job with its clusters and what a view lists of its targets. */
export interface JobDetail {
  readonly job: JobRecord;
  readonly clusters: readonly JobClusterRecord[];
  /** Of one job alone, in ms: until who has not answered its purges is fenced at the latest. */
  readonly fencesHoldInMs?: number | undefined;
  /**
   * Targets with something to tell (all but `pending`, and but `absent`), at most
   * `LISTED_TARGETS_MAX` of each outcome, by cluster, host name, ip, id. Empty in lists of jobs.
   */
  readonly targets: readonly TargetRecord[];
  /** `list_tasks`: the page that was asked for, and how many there are in all. */
  readonly listed: {
    readonly entries: readonly ListedTask[];
    readonly totalCount: number;
    /** Whether some host holds more than it listed. */
    readonly isCut: boolean;
  };
}

/** The broker that orders and reports go over. */
export interface BrokerRecord {
  readonly epoch: string;
  /** When the broker made the streams, as it says; empty until they were seen. */
  readonly jobsCreated: string;
  readonly reportsCreated: string;
  /** The epoch before, while its streams may still be there; else empty. */
  readonly formerEpoch: string;
}

/** A scheduler cluster; the JSON columns hold what Dragonfly's clients read there. */
export interface ClusterRecord {
  readonly id: number;
  readonly name: string;
  readonly bio: string;
  readonly isDefault: boolean;
  readonly config: Readonly<Record<string, unknown>>;
  readonly clientConfig: Readonly<Record<string, unknown>>;
  readonly seedClientConfig: Readonly<Record<string, unknown>>;
  readonly scopes: Readonly<Record<string, unknown>>;
  readonly seedPeerClusterId: number;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
}

/** A seed peer cluster. */
export interface SeedPeerClusterRecord {
  readonly id: number;
  readonly name: string;
  readonly bio: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
}

/** A scheduler; `isActive` as of the time the reader asked for. */
export interface SchedulerRecord {
  readonly id: number;
  readonly clusterId: number;
  readonly hostName: string;
  readonly ip: string;
  readonly port: number;
  readonly idc: string;
  readonly location: string;
  readonly features: readonly string[];
  readonly keepAliveIntervalMs: number;
  readonly isActive: boolean;
  /** 0 before the first. */
  readonly lastKeepAliveAtMs: number;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
}

/** A seed peer; `isActive` as of the time the reader asked for. */
export interface SeedPeerRecord {
  readonly id: number;
  readonly clusterId: number;
  readonly hostName: string;
  readonly type: string;
  readonly ip: string;
  readonly port: number;
  readonly downloadPort: number;
  readonly idc: string;
  readonly location: string;
  readonly isActive: boolean;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
}

/** A host as the ledger knows it. */
export interface PeerRecord {
  readonly id: number;
  readonly clusterId: number;
  readonly host: HostRecord;
  readonly state: 'active' | 'inactive';
  /** It serves under leases; a daemon that only announces itself does not. */
  readonly takesLeases: boolean;
  /** Its newest connection; undefined if it never had one. */
  readonly enrolment:
    | {
        readonly schedulerId: number;
        /** Empty if the daemon tells none. */
        readonly incarnation: string;
        readonly lostAtMs: number | undefined;
        readonly hasLeft: boolean;
      }
    | undefined;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
}

/** A connection under which a host may have leases, as the rules count it. */
export interface EnrolmentRecord extends CountedRow {
  readonly hostId: string;
  readonly createdAtMs: number;
}

/** An entry of a purge log as operators see it. */
export interface LoggedPurgeRecord {
  readonly clusterId: number;
  readonly epoch: string;
  readonly seq: number;
  readonly taskId: string;
  readonly jobId: number;
  /** Who asked for it; 0: nobody is known. */
  readonly userId: number;
  /** Empty if there is no such user any more. */
  readonly userName: string;
  readonly atMs: number;
}

/** Where an event stands: the ledger number of its command, and which of its events. */
export interface EventPosition {
  readonly number: number;
  readonly ordinal: number;
}

/** One change of a job. */
export interface JobEventRecord extends EventPosition {
  readonly kind: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly atMs: number;
}

/** A job, and its newest event at that moment. */
export interface JobAtEvent {
  readonly detail: JobDetail;
  readonly newest: EventPosition;
  /** Whether the position that was asked about is that of an event of this job. */
  readonly isKnown: boolean;
}

/** Where a cluster's log stands, and whether its hosts may serve without a lease. */
export interface ClusterLog extends LogState {
  readonly waiver: Waiver;
}

/** What a scheduler is told of the ledger. */
export interface ClusterView extends ClusterLog {
  /** Whether our own hosts may download from daemons that know no purge log. */
  readonly allowsForeignParents: boolean;
}
