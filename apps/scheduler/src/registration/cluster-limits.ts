/** Limits that an operator sets for a cluster, as its row at the manager has them. */

import type { managerV2 } from '@pondhawk/contracts';

/** See `parseClusterLimits`. */
export interface ClusterLimits {
  /** Most candidate parents in one answer, 1–20. */
  readonly candidateParentLimit: number;
  /** Most peers of a task looked at for one answer, 10–1,000. */
  readonly filterParentLimit: number;
  /** Most children that an ordinary host serves at once, 1–50,000. */
  readonly uploadLimit: number;
  /** The same of a seed peer. */
  readonly seedUploadLimit: number;
  /** Whether our own hosts may download from foreign daemons, which gives up the promise that purges are final. */
  readonly allowsForeignParents: boolean;
}

/** Until the manager has told any; the values of a new cluster. */
export const DEFAULT_CLUSTER_LIMITS: ClusterLimits = {
  candidateParentLimit: 4,
  filterParentLimit: 15,
  uploadLimit: 200,
  seedUploadLimit: 2_000,
  allowsForeignParents: false,
};

const UPLOAD_LIMIT_MAX = 50_000;

/**
 * Reads the JSON of a cluster's row: `candidate_parent_limit`, `filter_parent_limit` and `allow_foreign_parents` of its config,
 * `load_limit` of its client and seed client configs. What is missing or out of its range gives the default:
 * a scheduler has to work with a row that some other console wrote.
 */
export function parseClusterLimits(cluster: managerV2.SchedulerCluster | undefined): ClusterLimits {
  const config = parseObject(cluster?.config);
  const defaults = DEFAULT_CLUSTER_LIMITS;
  return {
    candidateParentLimit:
      within(config['candidate_parent_limit'], 1, 20) ?? defaults.candidateParentLimit,
    filterParentLimit:
      within(config['filter_parent_limit'], 10, 1_000) ?? defaults.filterParentLimit,
    uploadLimit: loadLimit(cluster?.clientConfig) ?? defaults.uploadLimit,
    seedUploadLimit: loadLimit(cluster?.seedClientConfig) ?? defaults.seedUploadLimit,
    allowsForeignParents: config['allow_foreign_parents'] === true,
  };
}

function loadLimit(json: Buffer | undefined): number | undefined {
  return within(parseObject(json)['load_limit'], 1, UPLOAD_LIMIT_MAX);
}

function within(value: unknown, min: number, max: number): number | undefined {
  return typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max
    ? value
    : undefined;
}

function parseObject(json: Buffer | undefined): Readonly<Record<string, unknown>> {
  if (json === undefined || json.length === 0) return {};
  try {
    const parsed: unknown = JSON.parse(json.toString());
    return typeof parsed === 'object' && parsed !== null ? (parsed as Record<string, unknown>) : {};
  } catch {
    return {}; // As if it were missing.
  }
}
