/** Delete jobs, from the question to the moment in which their end is seen. */

import { setTimeout as sleep } from 'node:timers/promises';
import { toError } from '@pondhawk/core';
import type { Deletion } from '@pondhawk/testing';
import type { ChaosCluster } from './chaos-cluster.js';
import type { Recorder } from './recorder.js';

interface JobView {
  readonly id: number;
  readonly state: string;
  readonly result: {
    readonly finality?: string;
    readonly success_peers: readonly {
      readonly outcome: string;
      readonly peer: { readonly host_name: string };
    }[];
  };
}

/** Far above the bound and any restart of a daemon. */
const JOB_MS_MAX = 60_000;
const ASK_AGAIN_MS = 100;
const CLEARED = new Set(['deleted', 'absent']);

/**
 * Deletes a content in the whole cluster and waits for the end of the job, over restarts of the manager.
 *
 * @returns undefined when nobody said that the job was accepted: nothing is promised then.
 * @throws Error when the job does not end in time.
 */
export async function purge(
  cluster: ChaosCluster,
  recorder: Recorder,
  { path, url }: { readonly path: string; readonly url: string },
): Promise<Deletion | undefined> {
  const askedAtMs = performance.now();
  const accepted = await accept(cluster, url);
  if (accepted === undefined) return undefined;
  for (let failure: Error | undefined; ;) {
    const job = await look(cluster, accepted.id).catch((error: unknown) => {
      failure = toError(error); // The manager is down; the job is in its ledger.
      return undefined;
    });
    // From the answer to the return nothing is waited for: the kernel holds what it held at the end.
    if (job !== undefined && job.state !== 'PENDING') {
      return {
        job: job.id,
        content: path,
        askedAtMs,
        endSeenAtMs: performance.now(),
        state: job.state,
        finality: job.result.finality ?? '',
        clearedHosts: new Set(
          job.result.success_peers
            .filter(({ outcome }) => CLEARED.has(outcome))
            .map(({ peer }) => peer.host_name),
        ),
        heldBytes: recorder.heldNow(path),
      };
    }
    if (performance.now() - askedAtMs > JOB_MS_MAX) {
      throw new Error(`Job ${accepted.id} has not ended after ${JOB_MS_MAX} ms.`, {
        cause: failure,
      });
    }
    if (job === undefined) await sleep(ASK_AGAIN_MS);
  }
}

async function accept(cluster: ChaosCluster, url: string): Promise<JobView | undefined> {
  try {
    return (await cluster.rest('/jobs', { type: 'delete_task', args: { url } })) as JobView;
  } catch {
    return undefined; // The manager is down, or died before it answered.
  }
}

async function look(cluster: ChaosCluster, id: number): Promise<JobView> {
  return (await cluster.rest(`/jobs/${id}?wait=1s`)) as JobView;
}
