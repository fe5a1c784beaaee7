/** One page of a job's targets: those with a row, and those that an order only lists as absent. */

import { setImmediate as nextTurn } from 'node:timers/promises';
import { TargetOutcome } from '@pondhawk/jobs';
import { sql } from 'kysely';
import { type AbsentHost, toAbsentTarget, unpackAbsent } from './absent-list.js';
import { type ReadContext, inListOrder, targetsOf } from './job-queries.js';
import { toTargetRecord } from './job-rows.js';
import type { Page, PageRequest } from './ledger-reader.js';
import type { TargetRecord } from './records.js';
import { inSets, valueSet } from './row-set.js';

/** Which targets, and which page of them. */
export interface TargetPageRequest extends PageRequest {
  readonly outcome?: TargetOutcome;
}

/** Everything a page is made of, as one snapshot has it. */
export interface TargetPageSource {
  /** The page itself, when no list has to be looked into. */
  readonly page: Page<TargetRecord> | undefined;
  readonly keys: readonly TargetKey[];
  readonly lists: readonly { readonly scheduler_cluster_id: number; readonly hosts: string }[];
}

/** What lists of targets are ordered by, and which target it is. */
interface TargetKey {
  readonly scheduler_cluster_id: number;
  readonly host_name: string;
  readonly ip: string;
  readonly host_id: string;
  readonly node: string;
  /** Of a target that is only listed. */
  readonly absent?: AbsentHost;
}

/** Reads the page, or what it has to be made of. */
export async function loadTargetPageSource(
  context: ReadContext,
  jobId: number,
  request: TargetPageRequest,
): Promise<TargetPageSource> {
  const { db } = context;
  const { outcome } = request;
  const mayBeListed = outcome === undefined || outcome === TargetOutcome.Absent;
  const lists = mayBeListed
    ? await db
        .selectFrom('absent_hosts')
        .select(['scheduler_cluster_id', 'hosts'])
        .where('job_id', '=', jobId)
        .execute()
    : [];
  if (lists.length === 0) {
    return { page: await loadRowPage(context, jobId, request), keys: [], lists };
  }
  let rows = db.selectFrom('targets').where('job_id', '=', jobId);
  if (outcome !== undefined) rows = rows.where('outcome', '=', outcome);
  const keys = await rows
    .select(['scheduler_cluster_id', 'host_name', 'ip', 'host_id', 'node'])
    .execute();
  return { page: undefined, keys, lists };
}

/**
 * Puts rows and lists into one order and cuts the page out of it. Lists are unpacked a part a turn of
 * the event loop, outside of any transaction.
 */
export async function assembleTargetPage(
  context: ReadContext,
  jobId: number,
  { keys, lists, request }: TargetPageSource & { readonly request: PageRequest },
): Promise<Page<TargetRecord>> {
  const all = [...keys];
  for (const { scheduler_cluster_id, hosts } of lists) {
    for (const absent of unpackAbsent(hosts)) {
      const { host_name, ip, id: host_id } = absent.host;
      all.push({ scheduler_cluster_id, host_name, ip, host_id, node: absent.node, absent });
    }
    await nextTurn();
  }
  all.sort(byListOrder);
  const start = (request.page - 1) * request.perPage;
  const page = all.slice(start, start + request.perPage);
  const nodes = page.flatMap(({ node, absent }) => (absent === undefined ? [node] : []));
  const rows = await loadRows(context, jobId, nodes);
  const items = page.flatMap(({ absent, node, scheduler_cluster_id }) => {
    const target =
      absent === undefined ? rows.get(node) : toAbsentTarget(absent, scheduler_cluster_id);
    return target ?? []; // The row of one that became absent since is on a list by now.
  });
  return { items, totalCount: all.length };
}

async function loadRowPage(
  { db }: ReadContext,
  jobId: number,
  { page, perPage, outcome }: TargetPageRequest,
): Promise<Page<TargetRecord>> {
  let query = targetsOf(db, jobId);
  if (outcome !== undefined) query = query.where('outcome', '=', outcome);
  const { count } = await query
    .clearSelect()
    .select(sql<number>`count(*)`.as('count'))
    .executeTakeFirstOrThrow();
  const rows = await inListOrder(query)
    .limit(perPage)
    .offset((page - 1) * perPage)
    .execute();
  return { items: rows.map(toTargetRecord), totalCount: count };
}

async function loadRows(
  { db, dialect }: ReadContext,
  jobId: number,
  nodes: readonly string[],
): Promise<ReadonlyMap<string, TargetRecord>> {
  const targets = new Map<string, TargetRecord>();
  for (const set of inSets(nodes)) {
    const rows = await targetsOf(db, jobId)
      .where('node', 'in', valueSet<string>(dialect, set))
      .execute();
    for (const row of rows) targets.set(row.node, toTargetRecord(row));
  }
  return targets;
}

function byListOrder(left: TargetKey, right: TargetKey): number {
  return (
    left.scheduler_cluster_id - right.scheduler_cluster_id ||
    compare(left.host_name, right.host_name) ||
    compare(left.ip, right.ip) ||
    compare(left.host_id, right.host_id)
  );
}

function compare(left: string, right: string): number {
  if (left === right) return 0;
  return left < right ? -1 : 1;
}
