import { JobPhase, JobType, pathWithPrefixes } from '@pondhawk/jobs';
import type { LogState, PurgeEntry } from '@pondhawk/purge';
import { type Kysely, sql } from 'kysely';
import { type KeyedRequest, findRepeated, loadKeptKeys } from './commands/idempotency.js';
import { findNewestEvent, hasEvent, loadEvents } from './event-queries.js';
import {
  loadClusters,
  loadConnectedHostIds,
  loadEnrolments,
  loadMarkedHostIds,
  loadPeers,
  loadSchedulers,
  loadSeedPeerClusters,
  loadSeedPeers,
} from './instance-queries.js';
import {
  type ReadContext,
  filterJobs,
  loadJobClusters,
  loadListedTargets,
  loadListedTasks,
  findJobRow,
  findSealedOrder,
  listedPageOf,
} from './job-queries.js';
import { toJobRecord } from './job-rows.js';
import { toLedgerError } from './ledger-connections.js';
import {
  type InstanceFilter,
  type JobFilter,
  LedgerReader,
  type OpenPurges,
  type Overdue,
  type Page,
  type PageRequest,
} from './ledger-reader.js';
import { loadLapsedOrders, loadOverdueJobs, loadStrandedOrders } from './overdue-queries.js';
import type { NamedFacts, NamedKind, NamedRecord } from './named-records.js';
import { findOldestUnsentAtMs, toOutboxMessage } from './outbox-rows.js';
import type { PurgeWatch } from './purge-watch.js';
import {
  findLogState,
  findPurgeAtMs,
  findPurgeLogAlarm,
  loadOpenPurges,
  loadPurgeLog,
  loadPurges,
} from './purge-queries.js';
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
import { valueSet } from './row-set.js';
import type { LedgerDialect, LedgerTables } from './tables.js';
import {
  type TargetPageRequest,
  assembleTargetPage,
  loadTargetPageSource,
} from './target-queries.js';

const NOTHING_LISTED: JobDetail['listed'] = { entries: [], totalCount: 0, isCut: false };

/** Reads on connections that cannot write. What takes several queries is read in one snapshot. */
export class KyselyLedgerReader extends LedgerReader {
  constructor(
    private readonly db: Kysely<LedgerTables>,
    private readonly dialect: LedgerDialect,
    private readonly watch: Pick<PurgeWatch, 'fencesHoldInMs'>,
  ) {
    super();
  }

  override findJob(jobId: number): Promise<JobDetail | undefined> {
    return this.snapshot(async (context) => {
      const row = await findJobRow(context, jobId);
      if (row === undefined) return undefined;
      const clusters = await loadJobClusters(context, [jobId]);
      return {
        job: toJobRecord(row),
        clusters: clusters.get(jobId) ?? [],
        fencesHoldInMs: this.watch.fencesHoldInMs(jobId),
        targets: await loadListedTargets(context, jobId),
        listed:
          row.type === JobType.ListTasks
            ? await loadListedTasks(context, jobId, listedPageOf(row))
            : NOTHING_LISTED,
      };
    });
  }

  override findJobAtEvent(jobId: number, known?: EventPosition): Promise<JobAtEvent | undefined> {
    return this.snapshot(async (context) => {
      const row = await findJobRow(context, jobId);
      if (row === undefined) return undefined;
      const clusters = await loadJobClusters(context, [jobId]);
      const job = toJobRecord(row);
      return {
        detail: {
          ...{ job, clusters: clusters.get(jobId) ?? [], targets: [], listed: NOTHING_LISTED },
          fencesHoldInMs: this.watch.fencesHoldInMs(jobId),
        },
        newest: await findNewestEvent(context, jobId),
        isKnown: known !== undefined && (await hasEvent(context, jobId, known)),
      };
    });
  }

  override listEvents(
    jobId: number,
    range: { readonly after: EventPosition; readonly limit: number },
  ): Promise<readonly JobEventRecord[]> {
    return this.read((context) => loadEvents(context, jobId, range));
  }

  override findJobRecord(jobId: number): Promise<JobRecord | undefined> {
    return this.read(async (context) => {
      const row = await findJobRow(context, jobId);
      return row === undefined ? undefined : toJobRecord(row);
    });
  }

  override listJobs(filter: JobFilter, page: PageRequest): Promise<Page<JobDetail>> {
    return this.snapshot(async (context) => {
      const { count } = await filterJobs(context.db.selectFrom('jobs'), filter)
        .select(sql<number>`count(*)`.as('count'))
        .executeTakeFirstOrThrow();
      const rows = await filterJobs(context.db.selectFrom('jobs'), filter)
        .selectAll()
        .orderBy('created_at_ms', 'desc')
        .orderBy('id', 'desc')
        .limit(page.perPage)
        .offset((page.page - 1) * page.perPage)
        .execute();
      const clusters = await loadJobClusters(
        context,
        rows.map(({ id }) => id),
      );
      const items = rows.map((row) => ({
        job: toJobRecord(row),
        clusters: clusters.get(row.id) ?? [],
        targets: [],
        listed: NOTHING_LISTED,
      }));
      return { items, totalCount: count };
    });
  }

  override async listTargets(
    jobId: number,
    request: TargetPageRequest,
  ): Promise<Page<TargetRecord>> {
    const source = await this.snapshot((context) => loadTargetPageSource(context, jobId, request));
    if (source.page !== undefined) return source.page;
    return this.read((context) => assembleTargetPage(context, jobId, { ...source, request }));
  }

  override listOpenPurges(after: number): Promise<OpenPurges> {
    return this.snapshot((context) => loadOpenPurges(context, after));
  }

  override hasClosedEnrolments(): Promise<boolean> {
    return this.read(async ({ db }) => {
      const row = await db
        .selectFrom('enrolments')
        .leftJoin(
          'former_schedulers',
          'former_schedulers.incarnation',
          'enrolments.scheduler_incarnation',
        )
        .select('connection_id')
        .where((eb) => eb.or([eb('is_lost', '=', 1), eb('closed_at_ms', 'is not', null)]))
        .limit(1)
        .executeTakeFirst();
      return row !== undefined;
    });
  }

  override listUnfinishedJobIds(): Promise<readonly number[]> {
    return this.read(async ({ db }) => {
      const rows = await db
        .selectFrom('jobs')
        .select('id')
        .where('phase', 'in', [JobPhase.Accepted, JobPhase.Running])
        .orderBy('id')
        .execute();
      return rows.map(({ id }) => id);
    });
  }

  override findOverdue(nowMs: number): Promise<Overdue> {
    return this.read(async (context) => ({
      jobs:
        (await loadOverdueJobs(context, nowMs)).length > 0 ||
        (await loadStrandedOrders(context, nowMs)).length > 0,
      leases: (await loadLapsedOrders(context, nowMs)).length > 0,
    }));
  }

  override listUnsentMessages(limit: number): Promise<readonly OutboxMessage[]> {
    return this.read(async ({ db }) => {
      const rows = await db
        .selectFrom('outbox')
        .selectAll()
        .where('sent_at_ms', 'is', null)
        .orderBy('id')
        .limit(limit)
        .execute();
      return rows.map(toOutboxMessage);
    });
  }

  override listClusters(): Promise<readonly ClusterRecord[]> {
    return this.read(loadClusters);
  }

  override listNamed<K extends NamedKind>(kind: K): Promise<readonly NamedRecord<K>[]> {
    return this.read(async ({ db }) => {
      const rows = await db
        .selectFrom('named_records')
        .selectAll()
        .where('kind', '=', kind)
        .orderBy('id')
        .execute();
      return rows.map((row) => ({
        id: row.id,
        name: row.name,
        facts: JSON.parse(row.facts) as NamedFacts[K],
        createdAtMs: row.created_at_ms,
        updatedAtMs: row.updated_at_ms,
      }));
    });
  }

  override listSeedPeerClusters(): Promise<readonly SeedPeerClusterRecord[]> {
    return this.read(loadSeedPeerClusters);
  }

  override async findCluster(clusterId: number): Promise<ClusterRecord | undefined> {
    return (await this.listClusters()).find(({ id }) => id === clusterId);
  }

  override listSchedulers(
    nowMs: number,
    filter: InstanceFilter = {},
  ): Promise<readonly SchedulerRecord[]> {
    return this.read((context) => loadSchedulers(context, nowMs, filter));
  }

  override listSeedPeers(
    nowMs: number,
    filter: InstanceFilter = {},
  ): Promise<readonly SeedPeerRecord[]> {
    return this.read((context) => loadSeedPeers(context, nowMs, filter));
  }

  override listPeers(
    nowMs: number,
    filter: InstanceFilter,
    page: PageRequest,
  ): Promise<Page<PeerRecord>> {
    return this.snapshot((context) => loadPeers(context, nowMs, filter, page));
  }

  override findRepeatedJobId(request: KeyedRequest): Promise<number | undefined> {
    return this.read(async (context) =>
      findRepeated(await loadKeptKeys(context, [request]), request),
    );
  }

  override findSealedOrder(orderId: number): Promise<SealedOrder | undefined> {
    return this.read((context) => findSealedOrder(context, orderId));
  }

  override listConnectedHostIds(clusterId: number): Promise<readonly string[]> {
    return this.read((context) => loadConnectedHostIds(context, clusterId));
  }

  override findPurgeAtMs(clusterId: number, seq: number): Promise<number | undefined> {
    return this.read((context) => findPurgeAtMs(context, clusterId, seq));
  }

  override findOldestUnsentAtMs(): Promise<number | undefined> {
    return this.read(findOldestUnsentAtMs);
  }

  override listEnrolments(clusterId: number): Promise<readonly EnrolmentRecord[]> {
    return this.read((context) => loadEnrolments(context, clusterId));
  }

  override listMarkedHostIds(clusterId: number): Promise<ReadonlySet<string>> {
    return this.read((context) => loadMarkedHostIds(context, clusterId));
  }

  override findLogState(clusterId: number): Promise<LogState | undefined> {
    return this.read((context) => findLogState(context, clusterId));
  }

  override listPurges(
    clusterId: number,
    range: { readonly after: number; readonly limit: number },
  ): Promise<readonly PurgeEntry[]> {
    return this.read((context) => loadPurges(context, clusterId, range));
  }

  override listPurgeLog(
    clusterId: number,
    filter: { readonly taskId?: string },
    page: PageRequest,
  ): Promise<Page<LoggedPurgeRecord>> {
    return this.snapshot((context) => loadPurgeLog(context, clusterId, filter, page));
  }

  override listLockHolders(path: string): Promise<readonly number[]> {
    return this.read(async ({ db, dialect }) => {
      const rows = await db
        .selectFrom('locks')
        .select('job_id')
        .distinct()
        .where((eb) =>
          eb.or([
            eb('path', 'in', valueSet<string>(dialect, pathWithPrefixes(path))),
            eb(sql`substr(path, 1, ${path.length + 1})`, '=', `${path}/`), // What lies within.
          ]),
        )
        .orderBy('job_id')
        .execute();
      return rows.map(({ job_id }) => job_id);
    });
  }

  override findPurgeLogAlarm(): Promise<string | undefined> {
    return this.read(findPurgeLogAlarm);
  }

  override loadBroker(): Promise<BrokerRecord> {
    return this.read(async ({ db }) => {
      const row = await db.selectFrom('broker').selectAll().executeTakeFirstOrThrow();
      return {
        epoch: row.epoch,
        jobsCreated: row.jobs_created,
        reportsCreated: row.reports_created,
        formerEpoch: row.former_epoch,
      };
    });
  }

  override ping(): Promise<void> {
    return this.read(async ({ db }) => {
      await db.selectFrom('ledger_head').select('number').executeTakeFirstOrThrow();
    });
  }

  private async read<T>(query: (context: ReadContext) => Promise<T>): Promise<T> {
    try {
      return await query({ db: this.db, dialect: this.dialect });
    } catch (error) {
      throw toLedgerError(this.dialect, error);
    }
  }

  private async snapshot<T>(query: (context: ReadContext) => Promise<T>): Promise<T> {
    const { dialect } = this;
    const transaction = this.db.transaction();
    try {
      // SQLite's transactions are snapshots by themselves and know no levels.
      const snapshot =
        dialect === 'postgres' ? transaction.setIsolationLevel('repeatable read') : transaction;
      return await snapshot.execute((db) => query({ db, dialect }));
    } catch (error) {
      throw toLedgerError(dialect, error);
    }
  }
}
