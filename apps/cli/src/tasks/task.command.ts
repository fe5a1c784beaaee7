import type { Command } from 'commander';
import type { DeleteOutcome } from '@pondhawk/contracts';
import { parseTaskIdArgument } from '../arguments/values.js';
import { say, sayJson, type CliContext } from '../context.js';
import { socketPathOf, withDaemon } from '../daemon/daemon-socket.js';
import { printable, shortened } from '../output/printable.js';
import { formatBytes } from '../output/quantities.js';
import { renderTable } from '../output/table.js';
import {
  listCopies,
  removeTask,
  requireCopies,
  type ShownCopy,
  type ShownServing,
} from './local-tasks.js';

const URL_COLUMN_WIDTH = 80;

interface LocalOptions {
  readonly socket?: string;
  readonly json?: boolean;
  readonly local?: boolean;
}

/** `pondhawk task`; `clear` is added by the jobs. @returns the command, to add to. */
export function addTaskCommand(program: Command, context: CliContext): Command {
  const task = program.command('task').description('what hosts hold');
  local(task.command('ls').description('list what this host holds')).action(
    async (options: LocalOptions) => runList(context, options),
  );
  local(task.command('stat').description('show what this host holds of one task'))
    .argument('<task-id>', '64 hex digits', parseTaskIdArgument)
    .action(async (taskId: string, options: LocalOptions) => runStat(context, taskId, options));
  local(task.command('rm').description('delete a task on this host alone'))
    .argument('<task-id>', '64 hex digits', parseTaskIdArgument)
    .option('--local', 'do not tell the scheduler')
    .action(async (taskId: string, options: LocalOptions) => runRemove(context, taskId, options));
  return task;
}

function local(command: Command): Command {
  return command
    .option('--socket <path>', 'socket of the daemon (or PONDHAWK_SOCKET)')
    .option('--json', 'print one JSON document and nothing else');
}

async function runList(context: CliContext, options: LocalOptions): Promise<void> {
  const { signal } = context;
  const { copies, serving } = await withDaemon(socketPathOf(context, options.socket), (client) =>
    listCopies(client, { signal }),
  );
  if (options.json === true) {
    sayJson(context, { copies, serving });
    return;
  }
  say(context, copies.length === 0 ? 'This host holds nothing.' : renderCopies(copies));
  if (serving !== null) say(context, servingLine(serving));
}

async function runStat(context: CliContext, taskId: string, options: LocalOptions): Promise<void> {
  const { signal } = context;
  const copies = await withDaemon(socketPathOf(context, options.socket), (client) =>
    requireCopies(client, { taskId, signal }),
  );
  if (options.json === true) sayJson(context, { copies });
  else say(context, copies.map(renderCopy).join('\n\n'));
}

async function runRemove(
  context: CliContext,
  taskId: string,
  options: LocalOptions,
): Promise<void> {
  const { signal } = context;
  const outcome = await withDaemon(socketPathOf(context, options.socket), (client) =>
    removeTask(client, { taskId, isLocal: options.local === true, signal }),
  );
  if (options.json === true)
    sayJson(context, { task_id: taskId, ...(outcome ?? { outcome: 'deleted' }) });
  else say(context, outcomeLine(outcome));
}

function servingLine({ is_allowed, lease_left_ms, is_waived }: ShownServing): string {
  if (!is_allowed)
    return 'No lease: copies are not served, downloads pass through from the origin.';
  if (lease_left_ms === null) return 'Served without a lease: this host belongs to no cluster.';
  if (is_waived)
    return 'Served with or without a lease, as the cluster allows it: purges are best effort.';
  return `Served under a lease, renewed as it runs: ${(lease_left_ms / 1000).toFixed(1)} s left.`;
}

function outcomeLine(outcome: DeleteOutcome | undefined): string {
  if (outcome === undefined) return 'Deleted.';
  if (outcome.outcome === 'absent') return 'This host held nothing of it.';
  const copies = outcome.copies === 1 ? '1 copy' : `${outcome.copies} copies`;
  return `Deleted ${copies}, ${formatBytes(outcome.deleted_bytes)}.`;
}

function renderCopies(copies: readonly ShownCopy[]): string {
  return renderTable(
    ['TASK', 'STATE', 'SIZE', 'STORED', 'TAG', 'APPLICATION', 'FINISHED', 'URL'],
    copies.map((copy) => [
      copy.task_id,
      copy.state,
      formatBytes(copy.content_length),
      formatBytes(copy.stored_bytes),
      copy.tag,
      copy.application,
      copy.finished_at ?? '-',
      shortened(printable(copy.url), URL_COLUMN_WIDTH),
    ]),
  );
}

function renderCopy(copy: ShownCopy): string {
  return Object.entries(copy)
    .filter(([, value]) => value !== null && value !== '')
    .map(([name, value]) => `${name.padEnd(15)} ${printable(String(value))}`)
    .join('\n');
}
