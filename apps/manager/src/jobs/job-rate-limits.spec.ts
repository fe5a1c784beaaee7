import { ManualClock } from '@pondhawk/core';
import type { ClusterRecord } from '../ledger/index.js';
import { JobRateLimits, LIMITS_AGE_MS_MAX } from './job-rate-limits.js';

const aCluster = (id: number, limit?: unknown) =>
  ({
    id,
    config: limit === undefined ? {} : { job_rate_limit: limit },
  }) as unknown as ClusterRecord;

describe('JobRateLimits', () => {
  let clusters: ClusterRecord[];
  let clock: ManualClock;
  let limits: JobRateLimits;

  beforeEach(() => {
    clusters = [aCluster(1, 5), aCluster(2, 1)];
    clock = new ManualClock(0);
    limits = new JobRateLimits({ listClusters: () => Promise.resolve(clusters) }, clock);
  });

  const passed = async (tries: number, clusterIds?: number[]): Promise<number> => {
    let count = 0;
    for (let index = 0; index < tries; index += 1) {
      count += await limits.take(clusterIds).then(
        () => 1,
        () => 0,
      );
    }
    return count;
  };

  it('lets through a second of jobs at once and then as many as time brings', async () => {
    expect(await passed(9, [1])).toBe(5);
    clock.advance(399);
    expect(await passed(9, [1])).toBe(1);
    clock.advance(1);
    expect(await passed(9, [1])).toBe(1);
    clock.advance(3_600_000);
    expect(await passed(9, [1])).toBe(5);
  });

  it('says when there is room again, and takes nothing when it refuses', async () => {
    await limits.take([2]);
    await expect(limits.take([1, 2])).rejects.toMatchObject({
      ...{ code: 'JOB_RATE_LIMITED', retryAfterMs: 1_000, details: { id: 2, limit: 1 } },
    });
    expect(await passed(9, [1])).toBe(5);
  });

  it('counts a job of no named cluster in all of them, and none in unknown ones', async () => {
    expect(await passed(9)).toBe(1);
    expect(await passed(9, [2])).toBe(0);
    expect(await passed(9, [1])).toBe(4);
    expect(await passed(9, [77])).toBe(9);
  });

  it('follows a changed limit within a second, also of a cluster that is new', async () => {
    expect(await passed(9, [2])).toBe(1);
    clusters = [aCluster(2, 100), aCluster(3)];
    clock.advance(LIMITS_AGE_MS_MAX - 1);
    expect(await passed(9, [2])).toBe(0);
    clock.advance(1);
    expect(await passed(109, [2])).toBe(100);
    expect(await passed(19, [3])).toBe(10);
  });
});
