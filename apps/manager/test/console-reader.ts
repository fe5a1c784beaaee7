/**
 * Reads finished jobs as Dragonfly's web console does: it takes what it needs without asking whether it
 * is there, so whatever would leave its page white or spinning throws here.
 */

import type { Answer } from './manager-harness.js';

/** Part of an answer that was not looked at yet. */
type Unread = Answer['json'];

/** What its search page shows of a task. */
export interface SearchCard {
  readonly clusterId: number;
  readonly holders: readonly { readonly name: string; readonly isSeed: boolean }[];
}

/** A success is 200 exactly, whatever the method. */
export function readSuccess(answer: Answer): Unread {
  expect([answer.status, answer.headers.get('content-type')]).toEqual([
    200,
    expect.stringContaining('application/json'),
  ]);
  return answer.json as unknown;
}

/** An error is shown by its `message`. */
export function readError(answer: Answer): string {
  expect(answer.headers.get('content-type')).toContain('application/json');
  expect(typeof answer.json.message).toBe('string');
  expect(answer.json.errors).toBe(answer.json.message);
  return answer.json.message as string;
}

/** It stops asking when `result.state` says so; the state beside it says the same. */
export function hasEnded(job: Unread): boolean {
  expect(job.result.state).toBe(job.state);
  return ['SUCCESS', 'FAILURE'].includes(job.result.state as string);
}

/** A row of its list of jobs; null anywhere in it leaves the page white. */
export function readListed(job: Unread): { id: number; state: string; type: string } {
  expect(Number.isInteger(job.id)).toBe(true);
  expectList(job.scheduler_clusters);
  expectList(job.result.job_states);
  for (const state of job.result.job_states) expectList(state.results);
  for (const time of [job.created_at, job.updated_at, job.result.created_at]) expectTime(time);
  expect(job.result.group_uuid).toMatch(/^group_/);
  return { id: job.id as number, state: job.result.state as string, type: job.type as string };
}

/** The page of one execution. */
export function readExecution(job: Unread): { readonly badge: string; readonly errors: string[] } {
  readListed(job);
  expect(hasEnded(job)).toBe(true);
  const states = job.result.job_states as Unread[];
  for (const state of states) {
    expect(['SUCCESS', 'FAILURE']).toContain(state.state);
    expect([typeof state.task_uuid, typeof state.task_name]).toEqual(['string', 'string']);
    expectTime(state.created_at);
    expect(typeof state.error).toBe('string');
    for (const result of state.results) expect(result.scheduler_cluster_id).toBeGreaterThan(0);
  }
  expect(typeof job.args).toBe('object');
  return {
    badge: job.result.state as string,
    errors: states.map(({ error }) => error as string).filter((error) => error !== ''),
  };
}

/** A card for each cluster that holds the task; null means nobody, and an empty list would draw an empty card. */
export function readSearch(job: Unread): SearchCard[] {
  readExecution(job);
  return (job.result.job_states as Unread[]).flatMap(({ results }) =>
    (results as Unread[]).flatMap((result) => {
      expect(Object.keys(result as object)).toContain('peers');
      if (result.peers === null) return [];
      expectList(result.peers);
      expect(result.peers.length).toBeGreaterThan(0);
      return [
        {
          clusterId: result.scheduler_cluster_id as number,
          holders: (result.peers as Unread[]).map(holder),
        },
      ];
    }),
  );
}

/** The delete that its dialog sends for a card: named as the search was, in one cluster. */
export function deleteFor({ args }: Unread, { clusterId }: SearchCard): object {
  const { url, task_id, content_for_calculating_task_id, ...rest } = args as Record<
    string,
    unknown
  >;
  const name =
    url === undefined || url === ''
      ? { task_id, ...(task_id === undefined ? { content_for_calculating_task_id } : {}) }
      : { url, tag: rest['tag'], application: rest['application'] };
  return { type: 'delete_task', args: name, scheduler_cluster_ids: [clusterId] };
}

function holder(peer: Unread): SearchCard['holders'][number] {
  for (const text of [peer.id, peer.hostname, peer.ip, peer.host_type]) {
    expect(typeof text).toBe('string');
  }
  expectTime(peer.created_at);
  expectTime(peer.updated_at);
  return { name: peer.hostname as string, isSeed: peer.host_type === 'super' };
}

function expectList(list: Unread): void {
  expect(Array.isArray(list)).toBe(true);
  expect(list).not.toContain(null);
}

function expectTime(time: Unread): void {
  expect(time).toMatch(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/);
}
