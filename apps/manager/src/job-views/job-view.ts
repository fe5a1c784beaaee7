/** What REST shows of jobs: JSON made on read, never stored. */

import type { JobDetail, TargetRecord } from '../ledger/index.js';

/** A JSON object. */
export type Json = Record<string, unknown>;

/** A job as `GET /jobs/:id`, `POST /jobs` and lists of jobs answer it. */
export function jobView(detail: JobDetail): Json {
  return { id: detail.job.id };
}

/** A target as `GET /jobs/:id/targets` lists it. */
export function targetView(target: TargetRecord, clusterName: string): Json {
  return { node: target.node, clusterName };
}
