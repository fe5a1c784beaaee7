import { boundMs } from '@pondhawk/purge';
import { NO_TARGETS } from '@pondhawk/jobs';
import { toJobRecord, toOrderRecord } from '../job-rows.js';
import type { JobClusterRecord, JobDetail } from '../records.js';
import type { JobRow } from '../tables.js';
import type { JobPart } from './accepted-orders.js';
import { schedulerTargets } from './scheduler-targets.js';

/** A job as a reader sees it right after the commit, made of what was written instead of read. */
export function acceptedDetail(job: JobRow, parts: readonly JobPart[]): JobDetail {
  return {
    job: toJobRecord(job),
    clusters: parts.map(clusterRecord),
    fencesHoldInMs: fencesHoldInMs(parts),
    targets: [],
    listed: { entries: [], totalCount: 0, isCut: false },
  };
}

function clusterRecord({ job, cluster, targets, purge, orders }: JobPart): JobClusterRecord {
  const schedulers = orders.flatMap(({ row }) => schedulerTargets(job, row));
  return {
    ...cluster,
    counts: { ...NO_TARGETS, pending: targets.superseded.length + schedulers.length },
    ...{ deletedBytes: 0, heldBytes: 0, settledCount: 0 },
    purgeSeq: purge?.seq,
    finality: targets.finality,
    orders: orders.map(({ row }) => toOrderRecord(row)),
  };
}

/** The bound begins with the commit; undefined if nobody is waited for. */
function fencesHoldInMs(parts: readonly JobPart[]): number | undefined {
  const waiting = parts.find(({ targets }) => (targets.pending?.size ?? 0) > 0);
  return waiting === undefined ? undefined : boundMs(waiting.context.leases.timing);
}
