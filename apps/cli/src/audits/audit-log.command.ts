/** `pondhawk audit-log`: whether the manager's audit log is whole. */

import { AUDIT_LOG_EMPTY, verifyAudits, type AuditHead, type ChainedAudit } from '@pondhawk/core';
import type { Command } from 'commander';
import { say, sayJson, type CliContext } from '../context.js';
import { CliError, ExitCode } from '../exit-code.js';
import { managerOf, withManagerOptions, type ManagerOptions } from '../jobs/manager-options.js';
import { isRecord, type ManagerClient } from '../manager/manager-client.js';
import { addListCommand, type Resource } from '../resources/resource.command.js';

const AUDITS: Resource = {
  noun: 'audit-log',
  about: 'Who changed what',
  list: (api, query) => api.GET('/api/v1/audits', { params: { query } }),
  columns: {
    ...{ ID: 'id', AT: 'operated_at', ACTOR: 'actor_name', FROM: 'remote_ip', DOES: 'operation' },
    ...{ PATH: 'path', STATUS: 'status_code', SELECTOR: 'selector', RESULT: 'detail' },
  },
  filters: {
    ...{ actor_name: 'actor', actor_type: 'kind of actor (USER, PAT, UNKNOWN)' },
    ...{ operation: 'method', state: 'state (SUCCESS, FAILURE)', path: 'path' },
  },
};
const PER_PAGE = 1_000;
const START_HEADER = 'Pondhawk-Audit-Start';

/** Adds the command. */
export function addAuditLogCommand(
  program: Command,
  context: CliContext,
  exit: (code: ExitCode) => void,
): void {
  const command = program.command('audit-log').description('Who changed what');
  addListCommand(command, context, AUDITS);
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
  const start = await startOf(client);
  let head = start;
  // What an earlier check saw of entries that are too old by now cannot be compared any more.
  let isKnownMet =
    known.count < start.count ||
    (known.count === start.count && (known.hash ?? start.hash) === start.hash);
  for (;;) {
    const page = toAudits(
      await client.ask((api) => api.GET('/api/v1/audits', pageAfter(head.count, PER_PAGE))),
    );
    const result = verifyAudits(head, page);
    if ('fault' in result) return tell(context, options, { ...result, isWhole: false });
    const met = page.find(({ id }) => id === known.count);
    if (met !== undefined) isKnownMet = known.hash === undefined || met.hash === known.hash;
    ({ head } = result);
    if (page.length < PER_PAGE) break;
  }
  return isKnownMet
    ? tell(context, options, { isWhole: true, ...head, removed: start.count })
    : tell(context, options, { isWhole: false, id: known.count, fault: 'not as before' });
}

function tell(
  context: CliContext,
  { json }: ManagerOptions,
  result:
    | ({ readonly isWhole: true; readonly removed: number } & AuditHead)
    | { readonly isWhole: false; readonly id: number; readonly fault: string },
): ExitCode {
  if (json === true) sayJson(context, result);
  else if (result.isWhole) say(context, wholeLine(result));
  else say(context, `NOT whole: entry ${result.id} is ${result.fault}`);
  return result.isWhole ? ExitCode.Complete : ExitCode.Failed;
}

function wholeLine({ count, hash, removed }: AuditHead & { readonly removed: number }): string {
  const aged = removed === 0 ? '' : `, the first ${removed} removed by age`;
  return `whole: ${count} entries${aged}, newest ${hash}`;
}

function pageAfter(
  after: number,
  perPage: number,
): { readonly params: { readonly query: { readonly after: number; readonly per_page: number } } } {
  return { params: { query: { after, per_page: perPage } } };
}

/** Where the log begins: behind what was removed from it by age. */
async function startOf(client: ManagerClient): Promise<AuditHead> {
  const { value } = await client.askWithHeader(START_HEADER, (api) =>
    api.GET('/api/v1/audits', pageAfter(0, 1)),
  );
  const [count = '', hash = ''] = (value ?? '').split(' ');
  return /^\d+$/.test(count) && /^[0-9a-f]{64}$/.test(hash)
    ? { count: Number(count), hash }
    : AUDIT_LOG_EMPTY;
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
