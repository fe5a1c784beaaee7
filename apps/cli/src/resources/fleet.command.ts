/** `pondhawk cluster`, `scheduler`, `peer`: the fleet as the manager knows it. */

import type { Command } from 'commander';
import { parseNumberOption, parseSwitchOption } from '../arguments/values.js';
import type { CliContext } from '../context.js';
import { usageError } from '../exit-code.js';
import { managerOf, withManagerOptions, type ManagerOptions } from '../jobs/manager-options.js';
import { addResourceCommand, showRow, showRows, type Resource } from './resource.command.js';

const CLUSTER: Resource = {
  noun: 'cluster',
  about: 'clusters: schedulers and hosts that belong together',
  list: (api, query) => api.GET('/api/v1/clusters', { params: { query } }),
  get: (api, row) => api.GET('/api/v1/clusters/{id}', row),
  remove: (api, row) => api.DELETE('/api/v1/clusters/{id}', row),
  columns: { ID: 'id', NAME: 'name', DEFAULT: 'is_default', CREATED: 'created_at', BIO: 'bio' },
  filters: { name: 'name' },
};

const SCHEDULER: Resource = {
  noun: 'scheduler',
  about: 'schedulers',
  list: (api, query) => api.GET('/api/v1/schedulers', { params: { query } }),
  get: (api, row) => api.GET('/api/v1/schedulers/{id}', row),
  remove: (api, row) => api.DELETE('/api/v1/schedulers/{id}', row),
  columns: {
    ...{ ID: 'id', HOST: 'host_name', IP: 'ip', PORT: 'port', STATE: 'state' },
    ...{ CLUSTER: 'scheduler_cluster_id', SEEN: 'last_keep_alive_at' },
  },
  filters: { scheduler_cluster_id: 'cluster', state: 'state', host_name: 'host name', ip: 'ip' },
};

const PEER: Resource = {
  noun: 'peer',
  about: 'hosts that run a peer daemon',
  list: (api, query) => api.GET('/api/v1/peers', { params: { query } }),
  get: (api, row) => api.GET('/api/v1/peers/{id}', row),
  remove: (api, row) => api.DELETE('/api/v1/peers/{id}', row),
  columns: {
    ...{ ID: 'id', HOST: 'host_name', IP: 'ip', PORT: 'port', TYPE: 'type', STATE: 'state' },
    ...{ CLUSTER: 'scheduler_cluster_id' },
  },
  filters: { scheduler_cluster_id: 'cluster', state: 'state', host_name: 'host name', ip: 'ip' },
};

const PURGE_LOG_COLUMNS = {
  ...{ NUMBER: 'seq', AT: 'created_at', TASK: 'task_id', JOB: 'job_id', USER: 'user_name' },
};

interface PurgeLogOptions extends ManagerOptions {
  readonly task?: string;
  readonly page?: number;
  readonly perPage?: number;
}

interface CreateClusterOptions extends ManagerOptions {
  readonly bio?: string;
  readonly default?: boolean;
}

/** Adds the commands. */
export function addFleetCommands(program: Command, context: CliContext): void {
  const cluster = addResourceCommand(program, context, CLUSTER);
  addClusterCreate(cluster, context);
  addClusterSet(cluster, context);
  addPurgeLog(cluster, context);
  addResourceCommand(program, context, SCHEDULER);
  addResourceCommand(program, context, PEER);
}

function addClusterCreate(cluster: Command, context: CliContext): void {
  withManagerOptions(cluster.command('create').description('make a cluster'))
    .argument('<name>', 'its name')
    .option('--bio <text>', 'what it is for')
    .option('--default', 'take hosts that no scope fits')
    .action(async (name: string, options: CreateClusterOptions) => {
      const body = {
        name,
        ...(options.bio === undefined ? {} : { bio: options.bio }),
        ...(options.default === true ? { is_default: true } : {}),
        scheduler_cluster_config: {},
        seed_peer_cluster_config: {},
        peer_cluster_config: {},
      };
      showRow(
        context,
        await managerOf(context, options).ask((api) => api.POST('/api/v1/clusters', { body })),
        options,
      );
    });
}

function addPurgeLog(cluster: Command, context: CliContext): void {
  withManagerOptions(
    cluster.command('purge-log').description('what was purged in a cluster, the newest first'),
  )
    .argument('<id>', 'its number', parseNumberOption)
    .option('--task <id>', 'only this task')
    .option('--page <n>', 'page', parseNumberOption)
    .option('--per-page <n>', 'rows a page', parseNumberOption)
    .action(async (id: number, options: PurgeLogOptions) => {
      const { task, page, perPage } = options;
      const query = {
        ...(task === undefined ? {} : { task_id: task }),
        ...(page === undefined ? {} : { page }),
        ...(perPage === undefined ? {} : { per_page: perPage }),
      };
      const answer = await managerOf(context, options).ask((api) =>
        api.GET('/api/v1/clusters/{id}/purge-log', { params: { path: { id }, query } }),
      );
      showRows(context, answer, { ...options, columns: PURGE_LOG_COLUMNS });
    });
}

function addClusterSet(cluster: Command, context: CliContext): void {
  withManagerOptions(cluster.command('set').description('change settings of a cluster'))
    .argument('<id>', 'its number', parseNumberOption)
    .option('--job-rate-limit <n>', 'jobs a second', parseNumberOption)
    .option('--candidate-parent-limit <n>', 'parents offered at a time', parseNumberOption)
    .option('--filter-parent-limit <n>', 'peers looked at for them', parseNumberOption)
    .option('--load-limit <n>', 'children that a peer serves at once', parseNumberOption)
    .option(
      '--serve-without-lease <on|off>',
      'hosts that are cut off serve on; deletes are best effort',
      parseSwitchOption,
    )
    .option(
      '--allow-foreign-parents <on|off>',
      'hosts may download from daemons of another make; deletes are best effort',
      parseSwitchOption,
    )
    .action(async (id: number, options: SetOptions) => {
      const body = {
        scheduler_cluster_config: given({
          job_rate_limit: options.jobRateLimit,
          candidate_parent_limit: options.candidateParentLimit,
          filter_parent_limit: options.filterParentLimit,
          serve_without_lease: options.serveWithoutLease,
          allow_foreign_parents: options.allowForeignParents,
        }),
        peer_cluster_config: given({ load_limit: options.loadLimit }),
      };
      const named = Object.entries(body).filter(([, config]) => Object.keys(config).length > 0);
      if (named.length === 0) throw usageError('Name a setting to change; see --help.');
      const change = Object.fromEntries(named);
      const row = await managerOf(context, options).ask((api) =>
        api.PATCH('/api/v1/clusters/{id}', { params: { path: { id } }, body: change }),
      );
      showRow(context, row, options);
    });
}

interface SetOptions extends ManagerOptions {
  readonly jobRateLimit?: number;
  readonly candidateParentLimit?: number;
  readonly filterParentLimit?: number;
  readonly loadLimit?: number;
  readonly serveWithoutLease?: boolean;
  readonly allowForeignParents?: boolean;
}

function given(fields: Readonly<Record<string, number | boolean | undefined>>): object {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
