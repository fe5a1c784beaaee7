/** `pondhawk audit-log`: whether the manager's audit log is whole. */

import { AUDIT_LOG_EMPTY, verifyAudits, type AuditHead, type ChainedAudit } from '@pondhawk/core';
import type { Command } from 'commander';
import { say, sayJson, type CliContext } from '../context.js';
import { CliError, ExitCode } from '../exit-code.js';
import { managerOf, withManagerOptions, type ManagerOptions } from '../jobs/manager-options.js';
import { isRecord } from '../manager/manager-client.js';

const PER_PAGE = 1_000;

/** Adds the command. */
export function addAuditLogCommand(
  program: Command,
  context: CliContext,
  exit: (code: ExitCode) => void,
): void {
  const command = program.command('audit-log').description('Who changed what');
  withManagerOptions(
    command
      .command('verify')
      .description('Check that no entry of the audit log was changed or taken out')
      .option('--count <n>', 'entries that were there at an earlier check; fewer are a fault')
      .option('--hash <hex>', 'hash of the newest of them'),
  ).action(async (options: ManagerOptions & { count?: string; hash?: string }) =>
    exit(await verify(context, options)),
  );
}

/**
 * The chain shows what was changed in the middle. What was cut off at the end, or a log made anew as a
 * whole, shows only against what an earlier check has printed.
 */
async function verify(
  context: CliContext,
  options: ManagerOptions & { readonly count?: string; readonly hash?: string },
): Promise<ExitCode> {
  const client = managerOf(context, options);
  const known = { count: Number(options.count ?? 0), hash: options.hash };
  let head: AuditHead = AUDIT_LOG_EMPTY;
  let isKnownMet = known.count === 0;
  for (;;) {
    const page = toAudits(await client.get(`/audits?after=${head.count}&per_page=${PER_PAGE}`));
    const result = verifyAudits(head, page);
    if ('fault' in result) return tell(context, options, { ...result, isWhole: false });
    const met = page.find(({ id }) => id === known.count);
    if (met !== undefined) isKnownMet = known.hash === undefined || met.hash === known.hash;
    ({ head } = result);
    if (page.length < PER_PAGE) break;
  }
  return isKnownMet
    ? tell(context, options, { isWhole: true, ...head })
    : tell(context, options, { isWhole: false, id: known.count, fault: 'not as before' });
}

function tell(
  context: CliContext,
  { json }: ManagerOptions,
  result:
    | ({ readonly isWhole: true } & AuditHead)
    | { readonly isWhole: false; readonly id: number; readonly fault: string },
): ExitCode {
  if (json === true) sayJson(context, result);
  else if (result.isWhole) say(context, `whole: ${result.count} entries, newest ${result.hash}`);
  else say(context, `NOT whole: entry ${result.id} is ${result.fault}`);
  return result.isWhole ? ExitCode.Complete : ExitCode.Failed;
}

function toAudits(answer: unknown): ChainedAudit[] {
  if (!Array.isArray(answer)) throw notAudits();
  return answer.map((entry: unknown) => {
    if (!isRecord(entry)) throw notAudits();
    const text = (key: string): string => {
      const value = entry[key];
      return typeof value === 'string' ? value : '';
    };
    return {
      id: Number(entry['id']),
      operatedAtMs: Number(entry['operated_at_ms']),
      actorType: text('actor_type'),
      actorName: text('actor_name'),
      remoteIp: text('remote_ip'),
      operation: text('operation'),
      path: text('path'),
      object: text('object'),
      selector: text('selector'),
      state: text('state'),
      statusCode: Number(entry['status_code']),
      result: text('detail'),
      hash: text('hash'),
    };
  });
}

function notAudits(): CliError {
  return new CliError('NOT_A_MANAGER', 'The answer is no audit log.', {
    exitCode: ExitCode.Failed,
  });
}
