/** `pondhawk audit`: whether hosts keep their word of purges, seen from outside. */

import type { Command } from 'commander';
import { collectNumber, parseNumberOption, parseTimeoutMs } from '../arguments/values.js';
import { say, sayJson, type CliContext } from '../context.js';
import type { ExitCode } from '../exit-code.js';
import { managerOf, withManagerOptions, type ManagerOptions } from '../jobs/manager-options.js';
import { interrupted, type ManagerClient } from '../manager/manager-client.js';
import { auditHost, type AuditParts, type HostAudit } from './audit-host.js';
import { auditDocument, exitCodeOfAudit, renderAudit, type AuditReport } from './audit-report.js';
import {
  findPurge,
  hasEnded,
  loadClusterIds,
  loadHosts,
  loadPurges,
  type AuditedHost,
  type LoggedPurge,
} from './fleet-facts.js';

/** Tasks of each cluster that its hosts are asked for, unless told otherwise. */
export const SAMPLE_DEFAULT = 100;
/** Hosts that are asked at a time; each is asked for one task after the other. */
export const HOSTS_AT_ONCE = 32;

interface AuditOptions extends ManagerOptions {
  readonly sample: number;
  readonly since?: number;
  readonly cluster?: readonly number[];
}

/** Adds the command. */
export function addPurgeAuditCommand(
  program: Command,
  context: CliContext,
  exit: (code: ExitCode) => void,
): void {
  withManagerOptions(
    program
      .command('audit')
      .description('ask hosts for purged tasks, as a stranger would')
      .option('--sample <n>', 'purged tasks of each cluster', parseNumberOption, SAMPLE_DEFAULT)
      .option('--since <duration>', 'only what was purged in the last …, as 24h', parseTimeoutMs)
      .option('--cluster <id>', 'cluster (repeatable; all of them by default)', collectNumber)
      .addHelpText(
        'after',
        '\nExit codes: 0 nothing purged is served, 1 something is, 3 somebody could not be asked or cannot tell, 4 no manager.',
      ),
  ).action(async (options: AuditOptions) => exit(await runAudit(context, options)));
}

async function runAudit(context: CliContext, options: AuditOptions): Promise<ExitCode> {
  const manager = managerOf(context, options);
  const atMs = context.wallMs();
  const sinceMs = options.since === undefined ? -Infinity : atMs - options.since;
  const work: { readonly host: AuditedHost; readonly purges: readonly LoggedPurge[] }[] = [];
  let purgedCount = 0;
  let sampledCount = 0;
  for (const clusterId of options.cluster ?? (await loadClusterIds(manager))) {
    const logged = await loadPurges(manager, clusterId, sinceMs);
    const purges = sampleOf(logged, options.sample);
    purgedCount += logged.length;
    sampledCount += purges.length;
    if (purges.length === 0) continue; // Nothing to ask for.
    work.push(...(await loadHosts(manager, clusterId)).map((host) => ({ host, purges })));
  }
  const hosts: HostAudit[] = [];
  const parts = partsOf(context, manager);
  let next = 0;
  const takeTurns = async (): Promise<void> => {
    for (let one = work[next++]; one !== undefined; one = work[next++]) {
      if (context.signal.aborted) throw interrupted();
      hosts.push(await auditHost(one.host, one.purges, parts));
    }
  };
  await Promise.all(Array.from({ length: HOSTS_AT_ONCE }, takeTurns));
  hosts.sort((left, right) => orderKey(left).localeCompare(orderKey(right)));
  const report: AuditReport = { sampledCount, purgedCount, hosts, atMs };
  if (options.json === true) sayJson(context, auditDocument(report));
  else say(context, renderAudit(report));
  return exitCodeOfAudit(report);
}

function partsOf(context: CliContext, manager: ManagerClient): AuditParts {
  return {
    lookAgain: async (purge) => {
      const now = await findPurge(manager, purge);
      return now && { purge: now, hasEnded: await hasEnded(manager, now) };
    },
    sleep: (delayMs) => context.sleep(delayMs, context.signal),
  };
}

function orderKey({ host }: HostAudit): string {
  return `${String(host.clusterId).padStart(10, '0')} ${host.hostName}`;
}

/** So many of them, by chance. */
function sampleOf<T>(all: readonly T[], count: number): readonly T[] {
  const left = [...all];
  const chosen: T[] = [];
  while (chosen.length < count && left.length > 0) {
    const at = Math.floor(Math.random() * left.length);
    const last = left.length - 1;
    const taken = left[at] as T;
    left[at] = left[last] as T;
    left.length = last;
    chosen.push(taken);
  }
  return chosen;
}
