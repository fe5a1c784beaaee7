import { ResourceExhaustedError, type Clock } from '@pondhawk/core';
import { JOB_RATE_LIMIT } from '../fleet-views/cluster-settings.js';
import type { ClusterRecord, LedgerReader } from '../ledger/index.js';

/** How long limits that were read hold; what is changed is seen after that. */
export const LIMITS_AGE_MS_MAX = 1_000;

interface Bucket {
  readonly tokens: number;
  readonly atMs: number; // Monotonic.
}

/**
 * Lets each cluster have so many jobs a second as its `job_rate_limit` says, with bursts of one second's
 * jobs. A job of several clusters needs room in each of them, one of all clusters in all; without it
 * none gives any. Counted by this process: each of several managers lets so many through.
 */
export class JobRateLimits {
  private readonly buckets = new Map<number, Bucket>(); // By cluster; those that are gone go with the next read.
  private clusters: readonly ClusterRecord[] = [];
  private readAtMs = Number.NEGATIVE_INFINITY; // Monotonic.

  constructor(
    private readonly reader: Pick<LedgerReader, 'listClusters'>,
    private readonly clock: Clock,
  ) {}

  /**
   * Takes one job's share of every cluster named; undefined or empty: of all. Clusters that do not exist have no limit.
   *
   * @throws ResourceExhaustedError (`JOB_RATE_LIMITED`) naming the cluster and when to come again.
   */
  async take(clusterIds: readonly number[] = []): Promise<void> {
    const clusters = await this.load();
    const wanted = clusters.filter(({ id }) => clusterIds.length === 0 || clusterIds.includes(id));
    const nowMs = this.clock.monotonicMs();
    const taken = wanted.map((cluster) => takeOne(cluster, this.buckets.get(cluster.id), nowMs));
    taken.forEach(([id, bucket]) => this.buckets.set(id, bucket));
  }

  private async load(): Promise<readonly ClusterRecord[]> {
    const nowMs = this.clock.monotonicMs();
    if (nowMs - this.readAtMs < LIMITS_AGE_MS_MAX) return this.clusters;
    this.clusters = await this.reader.listClusters();
    this.readAtMs = nowMs;
    const ids = new Set(this.clusters.map(({ id }) => id));
    for (const id of this.buckets.keys()) if (!ids.has(id)) this.buckets.delete(id);
    return this.clusters;
  }
}

function takeOne(
  { id, config }: ClusterRecord,
  bucket: Bucket | undefined,
  nowMs: number,
): readonly [number, Bucket] {
  const limit = limitOf(config['job_rate_limit']);
  const { tokens, atMs } = bucket ?? { tokens: limit, atMs: nowMs };
  const left = Math.min(limit, tokens + ((nowMs - atMs) * limit) / 1_000) - 1;
  if (left >= 0) return [id, { tokens: left, atMs: nowMs }];
  throw new ResourceExhaustedError(
    'JOB_RATE_LIMITED',
    `Cluster ${id} takes ${limit} jobs a second (job_rate_limit).`,
    { retryAfterMs: (-left * 1_000) / limit, details: { id, limit } },
  );
}

function limitOf(raw: unknown): number {
  const { min, max, fallback } = JOB_RATE_LIMIT;
  return typeof raw === 'number' && raw >= min && raw <= max ? raw : fallback;
}
