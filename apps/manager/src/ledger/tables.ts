/** Columns of the ledger as Kysely sees them. JSON is text, flags are 0 or 1, times are Unix ms. */

import type { Generated, Selectable } from 'kysely';
import type { IdentityTables } from './identity-tables.js';

/** Which database the ledger lies in. */
export type LedgerDialect = 'sqlite' | 'postgres';

/** The number of the newest command, in a single row. */
export interface LedgerHeadTable {
  readonly id: number;
  number: number;
  /** Time of the newest command, Unix ms; 0 before the first. */
  newest_at_ms: Generated<number>;
}

/** The broker's epoch, in a single row. */
export interface BrokerTable {
  readonly id: number;
  epoch: string;
  created_at_ms: number;
  /** When the broker made the streams of this epoch, as it says; empty until they were seen. */
  jobs_created: Generated<string>;
  reports_created: Generated<string>;
  /** The epoch before, while its streams may still be there; else empty. */
  former_epoch: Generated<string>;
}

/** Scheduler clusters; the JSON columns are what Dragonfly's clients read there. */
export interface SchedulerClustersTable {
  readonly id: Generated<number>;
  name: string;
  bio: string;
  config: string;
  client_config: string;
  seed_client_config: string;
  scopes: string;
  is_default: number;
  seed_peer_cluster_id: number;
  created_at_ms: number;
  updated_at_ms: number;
}

/** Schedulers; active while fewer than three keepalives are missing. */
export interface SchedulersTable {
  readonly id: Generated<number>;
  scheduler_cluster_id: number;
  host_name: string;
  ip: string;
  port: number;
  idc: string;
  location: string;
  features: string;
  keep_alive_interval_ms: number;
  last_keep_alive_at_ms: number;
  created_at_ms: number;
  updated_at_ms: number;
  /** Of the daemon's present start; null before it enrolled anything. */
  incarnation: Generated<string | null>;
  /** Views that were given to this incarnation; how other managers see that one was. */
  view_count: Generated<number>;
  /** JSON: features that an operator chose; null: those that the daemon names hold. */
  chosen_features: Generated<string | null>;
  /** Since when it is hidden; its number stays its own, should the daemon come back. */
  removed_at_ms: Generated<number | null>;
}

/** Seed peers, as schedulers. */
export interface SeedPeersTable {
  readonly id: Generated<number>;
  seed_peer_cluster_id: number;
  host_name: string;
  ip: string;
  type: string;
  port: number;
  download_port: number;
  idc: string;
  location: string;
  keep_alive_interval_ms: number;
  last_keep_alive_at_ms: number;
  created_at_ms: number;
  updated_at_ms: number;
}

/** Clusters of seed peers; `config` is what the scheduler clusters that use it have as `seed_client_config`. */
export interface SeedPeerClustersTable {
  readonly id: Generated<number>;
  name: string;
  bio: string;
  config: string;
  created_at_ms: number;
  updated_at_ms: number;
}

/** Hosts, as their home schedulers enrolled them. */
export interface PeersTable {
  readonly id: Generated<number>;
  scheduler_cluster_id: number;
  host_id: string;
  host_name: string;
  ip: string;
  state: string;
  host: string;
  incarnation: string | null;
  connection_id: string | null;
  lost_at_ms: number | null;
  created_at_ms: number;
  updated_at_ms: number;
  scheduler_id: Generated<number | null>;
  has_left: Generated<number>;
  /** 0: a daemon that knows no leases, and only announces itself. */
  takes_leases: Generated<number>;
}

/** Connections under which hosts may have leases. */
export interface EnrolmentsTable {
  /** The scheduler's incarnation and `connection`, with a dot between. */
  connection_id: string;
  scheduler_cluster_id: number;
  scheduler_incarnation: string;
  /** Counts up within the incarnation. */
  connection: number;
  host_id: string;
  incarnation: string;
  /** Of the host's data folder; empty if it cannot be told from a copy. */
  folder_lock: string;
  /** Its scheduler has said that it is no more. */
  is_lost: number;
  created_at_ms: number;
}

/** Incarnations of schedulers that later ones took the place of: they get no view and enrol nobody. */
export interface FormerSchedulersTable {
  incarnation: string;
  closed_at_ms: number;
}

/** Lengths that leases may have which are out, in a single row. */
export interface LeaseTimingTable {
  readonly id: number;
  scheduler_lease_ms: number;
  host_lease_ms: number;
  margin_ms: number;
}

/** Jobs. */
export interface JobsTable {
  readonly id: Generated<number>;
  uuid: string;
  version: number;
  type: string;
  state: string;
  phase: string;
  outcome: string | null;
  bio: string;
  user_id: number;
  args: string;
  order_args: string;
  timeout_ms: number;
  parallelism: number;
  failure_strategy: string;
  deadline_at_ms: number;
  created_at_ms: number;
  updated_at_ms: number;
  ended_at_ms: number | null;
  /** When somebody asked for its end; null if nobody has. */
  cancelled_at_ms: Generated<number | null>;
  /** 1: ordered as a delete that only asks; its `type` is how it is carried out. */
  dry_run: Generated<number>;
  /** What may be secret of its args, sealed; null if nothing is. */
  sealed: Generated<string | null>;
  /** The job whose open targets this one has; null if it is nobody's retry. */
  retry_of: Generated<number | null>;
  /** What a `gc` has removed. */
  purged_count: Generated<number>;
}

/** The clusters of a job; the name as it was then. */
export interface JobClustersTable {
  job_id: number;
  scheduler_cluster_id: number;
  cluster_name: string;
  purge_seq: number | null;
  /** JSON: what stood against the promise of a purge when it was accepted; null with other jobs. */
  finality: Generated<string | null>;
  /** Targets that had ended well in the jobs that this one retries. */
  settled_count: Generated<number>;
}

/** Targets, keyed by (job, node). */
export interface TargetsTable {
  job_id: number;
  node: string;
  scheduler_cluster_id: number;
  order_id: number;
  host_id: string;
  host_name: string;
  ip: string;
  host: string;
  outcome: string;
  try_number: number;
  attempts: number;
  code: string;
  message: string;
  deleted_bytes: number;
  started_at_ms: number;
  ended_at_ms: number | null;
  held: string | null;
  held_count: number;
  later: string | null;
  /** JSON: what was seen when the host was asked from outside; null if it was not, or only that it passed. */
  verification: string | null;
}

/** Hosts of an order that had nothing of the task, in parts. */
export interface AbsentHostsTable {
  order_id: number;
  /** From 1. */
  part: number;
  job_id: number;
  scheduler_cluster_id: number;
  host_count: number;
  /** Their nodes, packed: enough to know whether a host is listed. */
  nodes: string;
  /** All that is kept of them, packed. */
  hosts: string;
}

/** Orders. */
export interface OrdersTable {
  readonly id: Generated<number>;
  job_id: number;
  scheduler_cluster_id: number;
  scheduler_id: number | null;
  attempt: number;
  /** From when on the attempt may be taken over; null while nobody was sent it. */
  lease_until_ms: number | null;
  state: string;
  parallelism: number;
  error_code: string;
  error_message: string;
  created_at_ms: number;
  updated_at_ms: number;
  hosts: Generated<string>;
  /** JSON: the schedulers that shared the cluster's hosts when the order was first given out. */
  schedulers: Generated<string>;
  /** Which of them had this share; another one than `scheduler_id` after a take-over. */
  home_scheduler_id: Generated<number | null>;
  /** Hosts of it were fenced, so that its last report need not be waited for. */
  has_fenced: Generated<number>;
  /** 1: no other hosts than `hosts` are meant. */
  only_named: Generated<number>;
  /** JSON: how many hosts the last attempt asked from outside, and what came of it; null before. */
  verification: Generated<string | null>;
  /** Of the attempt's newest report that was recorded: when its run began, Unix ms; 0 before the first. */
  report_run_at_ms: Generated<number>;
  /** Its number within that run; 0 before the first. */
  report_number: Generated<number>;
}

/** Messages to the broker. */
export interface OutboxTable {
  readonly id: Generated<number>;
  job_id: number;
  order_id: number;
  scheduler_cluster_id: number;
  scheduler_id: number;
  type: string;
  payload: string;
  send_count: number;
  created_at_ms: number;
  sent_at_ms: number | null;
}

/** What happened to jobs, by ledger number. */
export interface EventsTable {
  ledger_number: number;
  ordinal: number;
  job_id: number;
  kind: string;
  data: string;
  at_ms: number;
}

/** Requests that may come again, by who sent them and the key they carry. */
export interface IdempotencyKeysTable {
  user_id: number;
  key: string;
  /** Of what was asked for; another one under the same key is refused. */
  request_hash: string;
  job_id: number;
  created_at_ms: number;
}

/** Paths that unfinished jobs work on. */
export interface LocksTable {
  path: string;
  job_id: number;
  created_at_ms: number;
}

/** The newest number of each cluster's purge log. */
export interface PurgeLogHeadsTable {
  scheduler_cluster_id: number;
  epoch: string;
  head: number;
  first_seq: Generated<number>;
  head_hash: Generated<string>;
  /** Why the epoch had to be replaced, until somebody has acknowledged it. */
  alarm: Generated<string | null>;
  /** How often it was changed whether the hosts may serve without a lease. */
  waiver_number: Generated<number>;
  /** Whether they may. */
  waiver_given: Generated<number>;
  /** The ledger may have gone back since somebody was told so: marks may be missing. Until acknowledged. */
  waiver_doubted: Generated<number>;
}

/** Daemons that may serve without a lease: each was told so, or may be. */
export interface WaiverMarksTable {
  scheduler_cluster_id: number;
  host_id: string;
  incarnation: string;
  /** Of the host's data folder; empty if it cannot be told from a copy. */
  folder_lock: string;
  /** The waiver's number under which it was marked last. */
  number: number;
  created_at_ms: number;
}

/** Accepted deletes by cluster and number. */
export interface PurgeLogTable {
  scheduler_cluster_id: number;
  seq: number;
  job_id: number;
  task_id: string;
  chain_hash: string;
  at_ms: number;
  /** Of the job; 0: nobody is known. */
  user_id: number;
}

/** Configs, applications and providers of sign-in, by kind; `facts` is JSON. */
export interface NamedRecordsTable {
  readonly id: Generated<number>;
  kind: string;
  name: string;
  facts: string;
  created_at_ms: number;
  updated_at_ms: number;
}

/** Schema steps that have been applied. */
export interface SchemaMigrationsTable {
  id: number;
  name: string;
  breaking: number;
  applied_at_ms: number;
}

/** All tables. */
export interface LedgerTables extends IdentityTables {
  ledger_head: LedgerHeadTable;
  broker: BrokerTable;
  scheduler_clusters: SchedulerClustersTable;
  schedulers: SchedulersTable;
  seed_peers: SeedPeersTable;
  seed_peer_clusters: SeedPeerClustersTable;
  peers: PeersTable;
  enrolments: EnrolmentsTable;
  former_schedulers: FormerSchedulersTable;
  lease_timing: LeaseTimingTable;
  jobs: JobsTable;
  job_clusters: JobClustersTable;
  targets: TargetsTable;
  absent_hosts: AbsentHostsTable;
  orders: OrdersTable;
  outbox: OutboxTable;
  events: EventsTable;
  idempotency_keys: IdempotencyKeysTable;
  locks: LocksTable;
  purge_log_heads: PurgeLogHeadsTable;
  purge_log: PurgeLogTable;
  waiver_marks: WaiverMarksTable;
  named_records: NamedRecordsTable;
  schema_migrations: SchemaMigrationsTable;
}

/** A row of jobs as it is read. */
export type JobRow = Selectable<JobsTable>;
/** A row of targets as it is read. */
export type TargetRow = Selectable<TargetsTable>;
/** A row of orders as it is read. */
export type OrderRow = Selectable<OrdersTable>;
/** A row of the outbox as it is read. */
export type OutboxRow = Selectable<OutboxTable>;
