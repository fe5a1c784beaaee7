/** What the manager tells of jobs, checked as far as it is used. */

import { ExitCode, CliError } from '../exit-code.js';
import { isRecord, type Json } from '../manager/manager-client.js';

/** A job. `raw` is the manager's whole record, for `--json`. */
export interface JobRecord {
  readonly raw: Json;
  readonly id: number;
  readonly type: string;
  readonly state: string;
  readonly phase: string;
  /** Empty until the job has ended. */
  readonly outcome: string;
  readonly finality: string;
  readonly createdAt: string;
  /** Of a preheat of several, how many: `3 tasks`. */
  readonly taskId: string;
  readonly url: string;
  readonly counts: Readonly<Record<string, number>>;
  readonly deletedBytes: number;
  /** Of a dry run: stored on all hosts. */
  readonly heldBytes: number | undefined;
  /** Of a `sync_peers`: hosts that its schedulers have told of. */
  readonly hostCount: number | undefined;
  /** Of a delete with `verify`: how many hosts did what when they were asked from outside. */
  readonly verification: Readonly<Record<string, number>> | undefined;
  /** Lines of clusters that failed as a whole. */
  readonly errors: readonly string[];
  readonly held: readonly HeldRecord[];
}

/** A task that a host holds, as `get_task` and `list_tasks` tell it. */
export interface HeldRecord {
  readonly hostName: string;
  readonly ip: string;
  readonly taskId: string;
  readonly state: string;
  readonly contentLength: number;
  readonly url: string;
}

/** One host's share of a job. */
export interface TargetRecord {
  readonly raw: Json;
  readonly hostName: string;
  readonly ip: string;
  readonly outcome: string;
  readonly bytes: number;
  readonly durationMs: number | undefined;
  readonly reason: string;
}

/** @throws CliError (`MANAGER_ANSWER_BROKEN`) if it is no job. */
export function readJob(value: unknown): JobRecord {
  const raw = record(value);
  const id = raw['id'];
  if (typeof id !== 'number') {
    throw new CliError('MANAGER_ANSWER_BROKEN', 'The manager’s answer is no job.', {
      exitCode: ExitCode.Failed,
      hint: 'Is it of another version? Compare pondhawk --version with its own.',
    });
  }
  const result = record(raw['result']);
  const args = record(raw['args']);
  return {
    raw,
    id,
    type: text(raw['type']),
    state: text(raw['state']),
    phase: text(raw['phase']),
    outcome: text(result['outcome']),
    finality: text(result['finality']),
    createdAt: text(raw['created_at']),
    taskId: text(args['task_id']) || tasksText(list(args['task_ids'])),
    url: text(args['url']),
    counts: numbersOf(record(result['counts'])),
    deletedBytes: number(result['deleted_bytes']),
    heldBytes: result['dry_run'] === true ? number(result['held_bytes']) : undefined,
    hostCount: typeof result['hosts'] === 'number' ? result['hosts'] : undefined,
    verification: isRecord(result['verification']) ? numbersOf(result['verification']) : undefined,
    errors: list(result['job_states'])
      .map((state) => text(record(state)['error']))
      .filter((error) => error !== ''),
    held: list(result['peers']).map(readHeld),
  };
}

/** A host's share as `GET /jobs/:id/targets` tells it. */
export function readTarget(value: unknown): TargetRecord {
  const raw = record(value);
  const peer = record(raw['peer']);
  const durationMs = Date.parse(text(raw['ended_at'])) - Date.parse(text(raw['started_at']));
  return {
    raw,
    hostName: text(peer['host_name']),
    ip: text(peer['ip']),
    outcome: text(raw['outcome']),
    bytes:
      number(raw['deleted_bytes']) ||
      number(record(raw['task'])['finished_bytes']) ||
      list(raw['tasks']).reduce((sum: number, task) => sum + number(record(task)['bytes']), 0),
    durationMs: Number.isNaN(durationMs) ? undefined : durationMs,
    reason: text(raw['description']) || text(record(raw['verification'])['message']),
  };
}

/** How a command ends that waited for this job. One whose hosts could not all be asked is not wholly verified. */
export function exitCodeOf({
  outcome,
  verification,
}: Pick<JobRecord, 'outcome' | 'verification'>): ExitCode {
  const isSeen = (verification?.['unreachable'] ?? 0) === 0;
  if (outcome === 'complete') return isSeen ? ExitCode.Complete : ExitCode.Partial;
  return outcome === 'partial' ? ExitCode.Partial : ExitCode.Failed;
}

/** How a command ends that waited for several: all complete, all failed, or something between. */
export function worstExitCode(codes: readonly ExitCode[]): ExitCode {
  const [first = ExitCode.Complete] = codes;
  return codes.every((code) => code === first) ? first : ExitCode.Partial;
}

function tasksText(ids: readonly unknown[]): string {
  return ids.length > 1 ? `${ids.length} tasks` : text(ids[0]);
}

function readHeld(value: unknown): HeldRecord {
  const raw = record(value);
  const task = record(raw['task']);
  return {
    hostName: text(raw['host_name']),
    ip: text(raw['ip']),
    taskId: text(task['id']),
    state: text(task['state']),
    contentLength: number(task['content_length']),
    url: text(task['url']),
  };
}

function record(value: unknown): Json {
  return isRecord(value) ? value : {};
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function number(value: unknown): number {
  return typeof value === 'number' && Number.isFinite(value) ? value : 0;
}

function numbersOf(raw: Json): Record<string, number> {
  return Object.fromEntries(Object.entries(raw).map(([name, value]) => [name, number(value)]));
}
