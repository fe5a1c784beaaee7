/** Jobs and their hosts as tables. */

import { printable, shortened } from '../output/printable.js';
import { formatBytes } from '../output/quantities.js';
import { renderTable } from '../output/table.js';
import type { JobRecord, TargetRecord } from './job-record.js';
import { countsLine } from './job-watch.js';

const URL_COLUMN_WIDTH = 80;

/** One line for each job. */
export function renderJobs(jobs: readonly JobRecord[]): string {
  return renderTable(
    ['ID', 'TYPE', 'STATE', 'OUTCOME', 'HOSTS', 'CREATED', 'TASK'],
    jobs.map((job) => [
      String(job.id),
      job.type,
      job.state,
      job.outcome === '' ? '-' : job.outcome,
      String(job.counts['targets'] ?? 0),
      job.createdAt,
      job.taskId,
    ]),
  );
}

/** A job with its hosts: a summary, what is held, what came of each host, clusters that failed. */
export function renderJob(job: JobRecord, targets: readonly TargetRecord[]): string {
  return [
    summaryLine(job),
    ...(job.held.length > 0 ? [renderHeld(job)] : []),
    ...(isWorthListing(job, targets) ? [renderTargets(targets)] : []),
    ...job.errors.map((error) => printable(error)),
  ].join('\n');
}

/** `job 42 delete_task: SUCCESS, complete, 3 of 3 hosts done, …`. */
export function summaryLine(job: JobRecord): string {
  const parts = [
    job.state,
    job.outcome,
    countsLine(job),
    job.heldBytes === undefined ? '' : `${formatBytes(job.heldBytes)} held, nothing deleted`,
    job.hostCount === undefined ? '' : `${job.hostCount} hosts there`,
    job.verification === undefined ? '' : verificationLine(job.verification),
    job.deletedBytes > 0 ? `${formatBytes(job.deletedBytes)} deleted` : '',
  ].filter((part) => part !== '');
  return printable(`job ${job.id} ${job.type}: ${parts.join(', ')}`);
}

/** `3 asked from outside: 2 passed (1 with a newer copy), 1 still serves`. */
function verificationLine(counts: Readonly<Record<string, number>>): string {
  const { asked = 0, passed = 0, newer_copies: newer = 0, failed = 0, unreachable = 0 } = counts;
  const newerPart = newer > 0 ? ` (${newer} with a newer copy)` : '';
  const parts = [
    `${passed} passed${newerPart}`,
    ...(failed > 0 ? [`${failed} still serve`] : []),
    ...(unreachable > 0 ? [`${unreachable} not reached`] : []),
  ];
  return `${asked} asked from outside: ${parts.join(', ')}`;
}

/** What came of each host. */
export function renderTargets(targets: readonly TargetRecord[]): string {
  return renderTable(
    ['HOST', 'IP', 'OUTCOME', 'BYTES', 'MS', 'REASON'],
    targets.map((target) => [
      target.hostName,
      target.ip,
      target.outcome,
      target.outcome === 'deleted' || target.bytes > 0 ? String(target.bytes) : '-',
      target.durationMs === undefined ? '-' : String(target.durationMs),
      target.reason,
    ]),
  );
}

function renderHeld(job: JobRecord): string {
  return renderTable(
    ['HOST', 'IP', 'STATE', 'SIZE', 'TASK', 'URL'],
    job.held.map((held) => [
      held.hostName,
      held.ip,
      held.state,
      formatBytes(held.contentLength),
      held.taskId,
      shortened(printable(held.url), URL_COLUMN_WIDTH),
    ]),
  );
}

/** Who holds what has been listed: of the others only failures are of interest. */
function isWorthListing(job: JobRecord, targets: readonly TargetRecord[]): boolean {
  if (targets.length === 0) return false;
  return /^(delete_task|preheat)$/.test(job.type) || targets.some(({ reason }) => reason !== '');
}
