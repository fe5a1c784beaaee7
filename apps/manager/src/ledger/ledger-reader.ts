import type { KeyedRequest } from './commands/idempotency.js';
import type { TargetOutcome } from '@pondhawk/jobs';
import type { LogState, PurgeEntry } from '@pondhawk/purge';
import type { NamedKind, NamedRecord } from './named-records.js';
import type {
  BrokerRecord,
  ClusterRecord,
  EnrolmentRecord,
  EventPosition,
  JobAtEvent,
  JobDetail,
  JobEventRecord,
  JobRecord,
  OutboxMessage,
  LoggedPurgeRecord,
  PeerRecord,
  SchedulerRecord,
  SeedPeerClusterRecord,
  SeedPeerRecord,
  TargetRecord,
  SealedOrder,
} from './records.js';

/** A page of a list; `page` from 1. */
export interface PageRequest {
  readonly page: number;
  readonly perPage: number;
}

/** One page and how many there are in all. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly totalCount: number;
}

/** Which jobs a list holds; what is absent does not matter. */
export interface JobFilter {
  readonly type?: string;
  readonly state?: string;
  readonly userId?: number;
}

/** Which schedulers, seed peers or peers a list holds. */
export interface InstanceFilter {
  readonly clusterId?: number;
}

/** What time has run out for. */
export interface Overdue {
  /** A job, or an order that waits for a scheduler. */
  readonly jobs: boolean;
  /** The attempt of an order. */
  readonly leases: boolean;
}

/** Purges that some manager has accepted. */
export interface OpenPurges {
  readonly purges: readonly {
    readonly jobId: number;
    readonly clusterId: number;
    readonly seq: number;
  }[];
  /** The ledger number that was read at: from where to go on. */
  readonly number: number;
}

/** Reads of committed state, on a connection that cannot write. */
export abstract class LedgerReader {
  /** A job with what its view shows. `listed` of a `list_tasks` job is the page in its args (default 1, 10). */
  abstract findJob(jobId: number): Promise<JobDetail | undefined>;
  /** A job as `listJobs` has it, its newest event, and whether it has the `known` one, read at the same moment. */
  abstract findJobAtEvent(jobId: number, known?: EventPosition): Promise<JobAtEvent | undefined>;
  /** What happened to a job after a position, in order, at most `limit`. */
  abstract listEvents(
    jobId: number,
    range: { readonly after: EventPosition; readonly limit: number },
  ): Promise<readonly JobEventRecord[]>;
  /** Just the row: for waiting on its end. */
  abstract findJobRecord(jobId: number): Promise<JobRecord | undefined>;
  /** Newest first. Details carry counts but no targets. */
  abstract listJobs(filter: JobFilter, page: PageRequest): Promise<Page<JobDetail>>;
  /** By cluster, host name, ip, id. */
  abstract listTargets(
    jobId: number,
    options: PageRequest & { readonly outcome?: TargetOutcome },
  ): Promise<Page<TargetRecord>>;
  /** The order of a preheat that has not ended; undefined if there is none such. */
  /** The job of an idempotency key. @throws ConflictError (`IDEMPOTENCY_KEY_REUSED`) if it stands for another request. */
  abstract findRepeatedJobId(request: KeyedRequest): Promise<number | undefined>;
  abstract findSealedOrder(orderId: number): Promise<SealedOrder | undefined>;
  /** Ids of jobs that have not ended, oldest first. */
  abstract listUnfinishedJobIds(): Promise<readonly number[]>;
  /** Purges of jobs that have not ended and were accepted after a ledger number, by job and cluster. */
  abstract listOpenPurges(after: number): Promise<OpenPurges>;
  /** Whether there are connections that are no more, so that forgetting them may be worth a commit. */
  abstract hasClosedEnrolments(): Promise<boolean>;
  /** Whether time has run out for something, so that a command to end it is worth a commit. */
  abstract findOverdue(nowMs: number): Promise<Overdue>;
  /** Messages not marked sent, oldest first. */
  abstract listUnsentMessages(limit: number): Promise<readonly OutboxMessage[]>;
  abstract listClusters(): Promise<readonly ClusterRecord[]>;
  /** Configs and the like, by id. */
  abstract listNamed<K extends NamedKind>(kind: K): Promise<readonly NamedRecord<K>[]>;
  /** By id. */
  abstract listSeedPeerClusters(): Promise<readonly SeedPeerClusterRecord[]>;
  abstract findCluster(clusterId: number): Promise<ClusterRecord | undefined>;
  /** By id; `isActive` as of `nowMs`. */
  abstract listSchedulers(
    nowMs: number,
    filter?: InstanceFilter,
  ): Promise<readonly SchedulerRecord[]>;
  abstract listSeedPeers(
    nowMs: number,
    filter?: InstanceFilter,
  ): Promise<readonly SeedPeerRecord[]>;
  /** `state` as of `nowMs`. */
  abstract listPeers(
    nowMs: number,
    filter: InstanceFilter,
    page: PageRequest,
  ): Promise<Page<PeerRecord>>;
  /** Hosts of a cluster that serve under leases and are connected. */
  abstract listConnectedHostIds(clusterId: number): Promise<readonly string[]>;
  /** When an entry of a purge log was accepted; undefined if it is not there. */
  abstract findPurgeAtMs(clusterId: number, seq: number): Promise<number | undefined>;
  /** When the oldest message was made that is not marked sent; undefined without any. */
  abstract findOldestUnsentAtMs(): Promise<number | undefined>;
  /** A cluster's connections of hosts that serve under leases. */
  abstract listEnrolments(clusterId: number): Promise<readonly EnrolmentRecord[]>;
  /** A cluster's hosts of which a start may serve without a lease. */
  abstract listMarkedHostIds(clusterId: number): Promise<ReadonlySet<string>>;
  /** Where a cluster's purge log stands. */
  abstract findLogState(clusterId: number): Promise<LogState | undefined>;
  /** Entries of a cluster's purge log after a number, in order. */
  abstract listPurges(
    clusterId: number,
    range: { readonly after: number; readonly limit: number },
  ): Promise<readonly PurgeEntry[]>;
  /** The newest first. */
  abstract listPurgeLog(
    clusterId: number,
    filter: { readonly taskId?: string },
    page: PageRequest,
  ): Promise<Page<LoggedPurgeRecord>>;
  /** Unfinished jobs that work on a path, within it, or on what it lies within; by id. */
  abstract listLockHolders(path: string): Promise<readonly number[]>;
  /** Why purge logs got a new epoch, until it was acknowledged. */
  abstract findPurgeLogAlarm(): Promise<string | undefined>;
  /** The `<e>` of streams and subjects, and what is known of the streams. */
  abstract loadBroker(): Promise<BrokerRecord>;
  /** Asks the database for one row. @throws UnavailableError if it does not answer. */
  abstract ping(): Promise<void>;
}
