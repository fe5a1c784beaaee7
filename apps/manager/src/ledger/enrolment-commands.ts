/** The commands about connections of hosts, and about what schedulers are told of the ledger. */

import type { HostRecord } from './host-record.js';
import type { ClusterLog, ClusterView } from './records.js';

/** A host that has connected to its home scheduler. */
export interface OpenedConnection {
  readonly host: HostRecord;
  /** 32 hex digits, one start of the daemon; absent for daemons that tell none. */
  readonly incarnation?: string | undefined;
  /** Counts up within the scheduler's incarnation. */
  readonly connection: number;
  /** Of the host's data folder, 32 hex digits or empty; present with daemons that serve under leases. */
  readonly leased?:
    | {
        readonly folderLock: string;
        /** Starts that held that lock before, all of them dead. */
        readonly outlived?: readonly string[];
      }
    | undefined;
}

/** A connection that is no more. */
export interface ClosedConnection {
  readonly hostId: string;
  readonly connection: number;
  /** The host said that it leaves. */
  readonly hasLeft: boolean;
}

/** A daemon that was told last, under a log id, that it may not serve without a lease. */
export interface ToldDaemon {
  readonly hostId: string;
  /** 32 hex digits. */
  readonly incarnation: string;
  readonly epoch: string;
  /** Of the waiver that it was told is withdrawn. */
  readonly number: number;
}

/** Connections of one scheduler, opened and closed; each list at most 500. */
export interface EnrolHosts {
  readonly atMs: number;
  readonly clusterId: number;
  readonly schedulerId: number;
  /** 32 hex digits; with a new one all connections of the former are lost. */
  readonly schedulerIncarnation: string;
  readonly opened: readonly OpenedConnection[];
  readonly closed: readonly ClosedConnection[];
  readonly told?: readonly ToldDaemon[] | undefined;
  /** When set: connections up to this number that are in neither `stillOpen` nor `opened` are lost. */
  readonly completeUpTo?: number | undefined;
  readonly stillOpen?: readonly number[] | undefined;
}

/** A scheduler asks where its cluster's log stands, to grant leases on the answer. */
export interface IssueView {
  readonly atMs: number;
  readonly clusterId: number;
  readonly schedulerId: number;
  /** 32 hex digits. */
  readonly schedulerIncarnation: string;
}

/** Each command about connections by name. */
export interface EnrolmentCommands {
  /**
   * Answers where the cluster's purge log stands after the rows were written.
   *
   * @throws NotFoundError (`INSTANCE_NOT_REGISTERED`).
   */
  readonly 'enrol-hosts': { readonly input: EnrolHosts; readonly result: ClusterLog };
  /** Reads the head behind every delete that was accepted before it. */
  readonly 'issue-view': { readonly input: IssueView; readonly result: ClusterView };
  /** Deletes connections that are no more and count no longer, at most 1,000; and settles lengths of leases. */
  readonly 'forget-enrolments': {
    readonly input: { readonly atMs: number };
    readonly result: { readonly forgottenCount: number };
  };
}
