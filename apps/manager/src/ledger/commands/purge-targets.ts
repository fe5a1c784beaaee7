/** Whom a purge or a question must account for, read inside the transaction that accepts it. */

import { type DaemonIdentity, PURGE_RULES, finalityReasons } from '@pondhawk/purge';
import type { ClusterSettings } from '../cluster-commands.js';
import type { CommandContext } from '../command-context.js';
import { activeUntilMs } from '../liveness.js';
import type { WatchedPurge } from '../purge-watch.js';
import type { ClusterFinality } from '../records.js';
import { seeRow } from './enrolments.js';
import { loadMarks } from './waivers.js';

/** How long a host that was lost without a word is still asked, by questions and where there are no leases. */
export const LOST_HOST_TARGET_MS_MAX = 24 * 3_600_000;
/** Hosts that are named as the reason for a promise that cannot be given. */
export const FINALITY_HOSTS_MAX = 100;

/** A host and its record as JSON text. */
export interface TargetHost {
  readonly id: string;
  readonly host: string;
}

/** What a purge of a cluster waits for. */
export interface PurgeTargets {
  /** Those that schedulers ask. */
  readonly hosts: readonly TargetHost[];
  /** Daemons under an id that another one has by now: nobody can ask them. */
  readonly superseded: readonly (TargetHost & { readonly node: string })[];
  readonly pending: WatchedPurge['pending'];
  readonly finality: ClusterFinality;
}

const NO_CONNECTION = '';

interface Row extends DaemonIdentity {
  readonly connection: string;
  readonly scheduler: string;
  readonly isLost: boolean;
}

/** The hosts that a question accepted now is put to. */
export async function loadAskedHosts(
  { db, atMs }: CommandContext,
  clusterId: number,
): Promise<readonly TargetHost[]> {
  return db
    .selectFrom('peers')
    .leftJoin('schedulers', 'schedulers.id', 'peers.scheduler_id')
    .select(['peers.host_id as id', 'peers.host'])
    .where('peers.scheduler_cluster_id', '=', clusterId)
    .where('peers.has_left', '=', 0)
    .where('peers.connection_id', 'is not', null)
    .where(
      (eb) => eb.fn.coalesce('peers.lost_at_ms', activeUntilMs),
      '>',
      atMs - LOST_HOST_TARGET_MS_MAX,
    )
    .orderBy('peers.host_id')
    .execute();
}

/**
 * The hosts that a purge accepted now must account for: every daemon with a row that counts as leased
 * (R9), those that are connected, those that may serve without a lease, and those that know none.
 */
export async function loadPurgeTargets(
  context: CommandContext,
  clusterId: number,
): Promise<PurgeTargets> {
  const allowed = await loadAllowances(context, clusterId);
  const marks = allowed.hasWaiver ? await loadMarks(context, clusterId) : [];
  const byHost = groupByHost([
    ...marks.map(toMarkRow),
    ...(await loadCountedRows(context, clusterId)),
  ]);
  const peers = await context.db
    .selectFrom('peers')
    .select(['host_id as id', 'host', 'takes_leases', 'lost_at_ms', 'has_left'])
    .where('scheduler_cluster_id', '=', clusterId)
    .orderBy('host_id')
    .execute();
  const since = context.atMs - LOST_HOST_TARGET_MS_MAX;
  const foreign = peers.filter(
    (peer) =>
      peer.takes_leases === 0 && peer.has_left === 0 && (peer.lost_at_ms ?? context.atMs) > since,
  );
  const asked = foreign.filter((peer) => peer.lost_at_ms === null);
  const leased = peers.filter(({ id }) => byHost.has(id));
  const pending = new Map<string, readonly Row[]>();
  const superseded: PurgeTargets['superseded'][number][] = [];
  for (const { id, host } of leased) {
    const { own, others } = divideByDaemon(byHost.get(id) ?? []);
    const mayServe = (rows: readonly Row[]): boolean => allowed.isDoubted || rows.some(isMark);
    if (!mayServe(own)) pending.set(`host:${id}`, own); // Else it is never fenced.
    for (const [incarnation, ofOther] of others) {
      // It can neither be asked nor fenced: that nothing is promised says it all.
      if (mayServe(ofOther)) continue;
      const node = `host:${id}@${incarnation}`;
      superseded.push({ id, host: naming(host, ofOther.at(-1)), node });
      pending.set(node, ofOther);
    }
  }
  return {
    hosts: [
      ...leased.map(({ id, host }) => ({ id, host: naming(host, byHost.get(id)?.at(-1)) })),
      ...asked.map(({ id, host }) => ({ id, host })),
    ],
    superseded,
    pending,
    finality: finalityWith(allowed, {
      foreign: foreign.map(({ id }) => id),
      marked: marks.map(({ hostId }) => hostId),
    }),
  };
}

/** What a cluster allows its hosts. */
interface Allowances {
  readonly allowsForeignParents: boolean;
  readonly isWaiverGiven: boolean;
  /** The ledger went back, and may have forgotten who was told of one. */
  readonly isDoubted: boolean;
  /** It has had a waiver once; else nobody has a mark. */
  readonly hasWaiver: boolean;
}

/** As it stands in the cluster's row and beside the head of its log; schedulers go by it from their next view on. */
export async function loadAllowances(
  { db }: CommandContext,
  clusterId: number,
): Promise<Allowances> {
  const row = await db
    .selectFrom('purge_log_heads')
    .leftJoin('scheduler_clusters', 'scheduler_clusters.id', 'purge_log_heads.scheduler_cluster_id')
    .select(['config', 'waiver_number', 'waiver_given', 'waiver_doubted'])
    .where('purge_log_heads.scheduler_cluster_id', '=', clusterId)
    .executeTakeFirstOrThrow();
  const config = JSON.parse(row.config ?? '{}') as ClusterSettings;
  return {
    allowsForeignParents: config['allow_foreign_parents'] === true,
    isWaiverGiven: row.waiver_given !== 0,
    isDoubted: row.waiver_doubted !== 0,
    hasWaiver: row.waiver_number > 0,
  };
}

function finalityWith(
  { allowsForeignParents, isWaiverGiven, isDoubted }: Allowances,
  { foreign, marked }: { readonly foreign: readonly string[]; readonly marked: readonly string[] },
): ClusterFinality {
  return {
    reasons: finalityReasons({
      foreignHosts: foreign.length,
      ...{ allowsForeignParents, isWaiverGiven: isWaiverGiven || isDoubted },
      waivedDaemons: marked.length,
    }),
    hosts: [...new Set([...foreign, ...marked])].slice(0, FINALITY_HOSTS_MAX),
  };
}

function groupByHost(rows: readonly Row[]): ReadonlyMap<string, readonly Row[]> {
  const byHost = new Map<string, Row[]>();
  for (const row of rows) {
    const ofHost = byHost.get(row.hostId);
    if (ofHost === undefined) byHost.set(row.hostId, [row]);
    else ofHost.push(row);
  }
  return byHost;
}

/** A mark among the rows of a host: the oldest, and of no connection. */
function toMarkRow({ hostId, incarnation, lock }: DaemonIdentity): Row {
  return { hostId, incarnation, lock, connection: NO_CONNECTION, scheduler: '', isLost: false };
}

function isMark({ connection }: Row): boolean {
  return connection === NO_CONNECTION;
}

/** Rows that count as leased, and those of open connections; oldest first. */
async function loadCountedRows(
  { db, leases }: CommandContext,
  clusterId: number,
): Promise<readonly Row[]> {
  const account = leases.of(clusterId);
  // What another manager has given out meanwhile.
  const schedulers = await db
    .selectFrom('schedulers')
    .select(['incarnation', 'view_count'])
    .where('scheduler_cluster_id', '=', clusterId)
    .execute();
  for (const { incarnation, view_count } of schedulers) {
    if (incarnation !== null && view_count > 0) account.seeViews(incarnation, view_count);
  }
  const rows = await db
    .selectFrom('enrolments')
    .leftJoin(
      'former_schedulers',
      'former_schedulers.incarnation',
      'enrolments.scheduler_incarnation',
    )
    .select(['connection_id', 'scheduler_incarnation', 'host_id', 'is_lost', 'closed_at_ms'])
    .select(['enrolments.incarnation as incarnation', 'folder_lock'])
    .where('scheduler_cluster_id', '=', clusterId)
    .orderBy('created_at_ms')
    .orderBy('connection')
    .execute();
  return rows
    .map((row) => ({
      connection: row.connection_id,
      scheduler: row.scheduler_incarnation,
      isLost: row.is_lost !== 0,
      isReplaced: row.closed_at_ms !== null,
      hostId: row.host_id,
      incarnation: row.incarnation,
      lock: row.folder_lock,
    }))
    .filter((row) => {
      seeRow(account, row);
      return (!row.isLost && !row.isReplaced) || account.isLeased(row);
    });
}

/**
 * A host's record that says which daemon is meant (R10): nobody else's answer counts. Joined as text,
 * because there may be ten thousand.
 */
function naming(host: string, daemon: DaemonIdentity | undefined): string {
  if (daemon === undefined) return host;
  const { incarnation, lock: folder_lock } = daemon;
  return `${host.slice(0, -1)},${JSON.stringify({ incarnation, folder_lock }).slice(1)}`;
}

/** The rows that an answer of the newest daemon stands for (R10), and those of others under the id. */
function divideByDaemon(rows: readonly Row[]): {
  readonly own: readonly Row[];
  readonly others: ReadonlyMap<string, readonly Row[]>;
} {
  const newest = rows.at(-1);
  const own: Row[] = [];
  const others = new Map<string, Row[]>();
  for (const row of rows) {
    if (newest !== undefined && PURGE_RULES.standsFor(newest, row)) own.push(row);
    else others.set(row.incarnation, [...(others.get(row.incarnation) ?? []), row]);
  }
  return { own, others };
}
