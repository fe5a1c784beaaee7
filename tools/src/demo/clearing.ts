/** Asks the manager, as any REST client would. */

import { setTimeout as sleep } from 'node:timers/promises';
import { headersFor, type ManagerAccess } from '@pondhawk/testing';
import { DemoFailure, say } from './say.js';

interface JobPeer {
  readonly peer?: { readonly host_name: string };
  readonly host_name?: string;
  readonly outcome?: string;
  readonly deleted_bytes?: number;
  readonly ended_at?: string;
  readonly description?: string;
}

interface Job {
  readonly id: number;
  readonly state: string;
  readonly created_at: string;
  readonly args: { readonly task_id: string };
  readonly result: {
    readonly state: string;
    readonly outcome?: string;
    readonly peers?: readonly JobPeer[];
    readonly success_peers?: readonly JobPeer[];
    readonly failure_peers?: readonly JobPeer[];
  };
}

const JOB_TIMEOUT_MS = 30_000;
const POLL_MS = 100;

/** The task of a URL, and the hosts that hold it. */
export async function findHolders(
  manager: ManagerAccess,
  url: string,
): Promise<{ taskId: string; hosts: string[] }> {
  const job = await runJob(manager, { type: 'get_task', args: { url } });
  const hosts = (job.result.peers ?? []).map((p) => p.host_name ?? p.peer?.host_name ?? '?').sort();
  return { taskId: job.args.task_id, hosts };
}

/** Deletes the task on every host and prints the answer, host by host. @throws DemoFailure unless all of it is gone. */
export async function clearEverywhere(
  manager: ManagerAccess,
  taskId: string,
  holders: number,
): Promise<void> {
  const startedAt = performance.now();
  const job = await runJob(manager, { type: 'delete_task', args: { task_id: taskId } });
  const took = Math.round(performance.now() - startedAt);
  for (const host of [...(job.result.success_peers ?? []), ...(job.result.failure_peers ?? [])]) {
    say(describeHost(host, job.created_at));
  }
  say(`job ${job.id}: ${job.state}, ${job.result.outcome ?? ''}, answered after ${took} ms`);
  const deleted = (job.result.success_peers ?? []).filter((p) => p.outcome === 'deleted').length;
  if (job.state !== 'SUCCESS' || deleted !== holders)
    throw new DemoFailure(`${deleted} of ${holders} holders deleted their copy`);
}

function describeHost(
  { peer, outcome = 'failed', deleted_bytes = 0, ended_at = '', description = '' }: JobPeer,
  acceptedAt: string,
): string {
  const afterMs = Date.parse(ended_at) - Date.parse(acceptedAt);
  const mib = (deleted_bytes / 2 ** 20).toFixed(0).padStart(3);
  return `${(peer?.host_name ?? '?').padEnd(8)} ${outcome.padEnd(8)} ${mib} MiB  ${afterMs} ms after the call  ${description}`;
}

async function runJob(manager: ManagerAccess, body: object): Promise<Job> {
  let job = await ask(manager, '', { method: 'POST', body: JSON.stringify(body) });
  const deadline = performance.now() + JOB_TIMEOUT_MS;
  while (job.result.state === 'PENDING') {
    if (performance.now() > deadline)
      throw new DemoFailure(`job ${job.id} is still pending after ${JOB_TIMEOUT_MS} ms`);
    job = await ask(manager, `/${job.id}`);
    if (job.result.state === 'PENDING') await sleep(POLL_MS);
  }
  return job;
}

async function ask(manager: ManagerAccess, path: string, init: RequestInit = {}): Promise<Job> {
  const url = `${manager.url}/api/v1/jobs${path}`;
  const response = await fetch(url, { ...init, headers: headersFor(manager) });
  const text = await response.text();
  if (!response.ok) throw new DemoFailure(`${url} answered ${response.status}: ${text}`);
  return JSON.parse(text) as Job;
}
