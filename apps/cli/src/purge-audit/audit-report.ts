/** What an audit found, for people and for programs. */

import { ExitCode } from '../exit-code.js';
import { printable } from '../output/printable.js';
import { formatTimeLeft } from '../output/quantities.js';
import { renderTable } from '../output/table.js';
import type { Finding, HostAudit } from './audit-host.js';

/** A whole audit. */
export interface AuditReport {
  /** Tasks that hosts were asked for, of those in the logs. */
  readonly sampledCount: number;
  readonly purgedCount: number;
  readonly hosts: readonly HostAudit[];
  /** When the audit began, Unix ms. */
  readonly atMs: number;
}

/** How a host counts; the worst thing it did. */
export type HostState = 'clean' | 'serves' | 'unproven' | 'unreachable' | 'away';

/** `away` is one that its scheduler has lost, and that does not answer either: nobody expects it to. */
export function stateOf({ host, findings, unreachable }: HostAudit): HostState {
  if (findings.some(({ kind }) => kind === 'serves')) return 'serves';
  if (findings.length > 0) return 'unproven';
  if (unreachable === undefined) return 'clean';
  return host.isActive ? 'unreachable' : 'away';
}

/** 1 as soon as anything that was purged is served, 3 if somebody could not be asked or cannot tell. */
export function exitCodeOfAudit({ hosts }: AuditReport): ExitCode {
  const states = new Set(hosts.map(stateOf));
  if (states.has('serves')) return ExitCode.Failed;
  const isPartial = states.has('unproven') || states.has('unreachable');
  return isPartial ? ExitCode.Partial : ExitCode.Complete;
}

/** A table of hosts, a line for each finding, and the sum. */
export function renderAudit(report: AuditReport): string {
  const table = renderTable(
    ['HOST', 'IP', 'CLUSTER', 'STATE', 'ASKED', 'CLEAN', 'NEWER', 'UNDER WAY', 'REASON'],
    report.hosts.map((audit) => [
      audit.host.hostName,
      audit.host.ip,
      String(audit.host.clusterId),
      stateOf(audit),
      String(audit.askedCount),
      String(audit.cleanCount),
      String(audit.newerCount),
      String(audit.underWayCount),
      audit.unreachable ?? '',
    ]),
  );
  const lines = report.hosts.flatMap((audit) =>
    audit.findings.map((finding) => findingLine(audit, finding, report.atMs)),
  );
  return [...(report.hosts.length === 0 ? [] : [table]), ...lines, sumLine(report)].join('\n');
}

/** The same as one JSON document. */
export function auditDocument(report: AuditReport): object {
  return {
    sampled_tasks: report.sampledCount,
    purged_tasks: report.purgedCount,
    counts: countsOf(report),
    hosts: report.hosts.map((audit) => ({
      host_name: audit.host.hostName,
      ip: audit.host.ip,
      scheduler_cluster_id: audit.host.clusterId,
      state: stateOf(audit),
      asked: audit.askedCount,
      clean: audit.cleanCount,
      newer_copies: audit.newerCount,
      under_way: audit.underWayCount,
      unreachable: audit.unreachable ?? null,
      findings: audit.findings.map(({ kind, message, purge }) => ({
        kind,
        message,
        task_id: purge.taskId,
        seq: purge.seq,
        job_id: purge.jobId,
        purged_at: purge.acceptedAt,
        age_seconds: Math.floor(ageMs(purge.acceptedAt, report.atMs) / 1000),
      })),
    })),
  };
}

function countsOf({ hosts }: AuditReport): Readonly<Record<HostState, number>> {
  const counts = { clean: 0, serves: 0, unproven: 0, unreachable: 0, away: 0 };
  for (const audit of hosts) counts[stateOf(audit)] += 1;
  return counts;
}

function findingLine({ host }: HostAudit, { kind, message, purge }: Finding, atMs: number): string {
  const what = kind === 'serves' ? 'SERVES' : 'holds';
  const age = formatTimeLeft(ageMs(purge.acceptedAt, atMs));
  return printable(
    `${host.hostName} ${what} task ${purge.taskId}, purged ${age} ago (number ${purge.seq}, job ${purge.jobId}): ${message}.`,
  );
}

function sumLine(report: AuditReport): string {
  const counts = Object.entries(countsOf(report))
    .filter(([state, count]) => count > 0 || state === 'serves')
    .map(([state, count]) => `${count} ${state}`);
  const tasks = `${report.sampledCount} of ${report.purgedCount} purged tasks`;
  return `${report.hosts.length} hosts asked for ${tasks}: ${counts.join(', ')}`;
}

function ageMs(acceptedAt: string, atMs: number): number {
  return Math.max(0, atMs - Date.parse(acceptedAt));
}
