/** The body of `POST /jobs`, parsed by hand because its `args` depend on its `type`. */

import { OPERATION_SPEC_RULES, parseOperationSpec, type OperationSpec } from '@pondhawk/core';
import { GC_KINDS, JOB_TYPES, JobType, isJobType, type GcKind } from '@pondhawk/jobs';
import { FieldReader, ID_BOUNDS, invalidField } from '../rest-edge/field-reader.js';
import { PAGE_MAX, PER_PAGE_DEFAULT, PER_PAGE_MAX } from '../rest-edge/query-parameters.js';
import { type PreheatRequest, readPreheatArgs } from './preheat-args.js';
import { readTaskName } from './task-name.js';

/** Longest description of a job, in characters. */
export const BIO_LENGTH_MAX = 4_096;
/** Most clusters a job may name. */
export const CLUSTERS_MAX = 1_000;

/** A job as a caller orders it. */
export interface CreateJobRequest {
  readonly type: JobType;
  /** A delete that only asks. */
  readonly isDryRun: boolean;
  readonly bio: string;
  /** 0: whoever orders it. */
  readonly userId: number;
  /** Absent: all clusters. */
  readonly clusterIds: readonly number[] | undefined;
  /** Echoed to readers. */
  readonly args: Readonly<Record<string, unknown>>;
  /** What schedulers are told. */
  readonly orderArgs: {
    readonly task_id?: string;
    readonly verify?: boolean;
    readonly page?: number;
    readonly per_page?: number;
    /** How old is old is decided when it is accepted. */
    readonly gc?: { readonly kind: GcKind };
    /** Of `list_tasks`: these alone. */
    readonly task_ids?: readonly string[];
  };
  /** With preheats. */
  readonly preheat?: PreheatRequest;
  readonly spec: OperationSpec;
  /** Fields that mean nothing here and were left out. */
  readonly strippedFields: readonly string[];
}

const NANOSECONDS_PER_MS = 1_000_000;
const TYPE_LENGTH_MAX = 64;

/** @throws InvalidArgumentError naming the field, for any value that breaks a rule. */
export function parseCreateJob(raw: unknown): CreateJobRequest {
  const body = new FieldReader(raw, 'body');
  const type = readType(body);
  const bio = body.text('bio', { lengthMax: BIO_LENGTH_MAX }) ?? '';
  const userId = body.wholeNumber('user_id', ID_BOUNDS) ?? 0;
  const clusterIds = body.wholeNumbers('scheduler_cluster_ids', {
    ...ID_BOUNDS,
    countMax: CLUSTERS_MAX,
  });
  const args = body.object('args');
  const named = readNamed(args, type);
  const flags = type === JobType.DeleteTask ? readDeleteFlags(args) : {};
  const { spec, echoed } = readSpec(args, type);
  return {
    type,
    isDryRun: flags.dry_run === true,
    bio,
    userId,
    clusterIds: clusterIds?.length === 0 ? undefined : clusterIds,
    args: {
      ...named.args,
      ...echoed,
      ...flags,
    },
    orderArgs: { ...named.orderArgs, ...(flags.verify === true ? { verify: true } : {}) },
    ...(named.preheat === undefined ? {} : { preheat: named.preheat }),
    spec,
    strippedFields: [...body.unknownFields(), ...args.unknownFields()],
  };
}

function readType(body: FieldReader): JobType {
  const type = body.text('type', { lengthMax: TYPE_LENGTH_MAX });
  if (type === undefined || !isJobType(type)) {
    throw invalidField('type', `must be one of ${JOB_TYPES.join(', ')}`);
  }
  return type;
}

type ReadArgs = Pick<CreateJobRequest, 'args' | 'orderArgs' | 'preheat'>;

function readNamed(args: FieldReader, type: JobType): ReadArgs {
  if (type === JobType.Gc) return readGcArgs(args);
  if (type === JobType.Preheat) return { ...readPreheatArgs(args), orderArgs: {} };
  if (type === JobType.SyncPeers) return { args: {}, orderArgs: {} };
  return type === JobType.ListTasks ? readListArgs(args) : readTaskArgs(args);
}

function readGcArgs(args: FieldReader): ReadArgs {
  const kind = args.text('type', { lengthMax: TYPE_LENGTH_MAX });
  const known = GC_KINDS.find((one) => one === kind);
  if (known === undefined) {
    throw invalidField(args.path('type'), `must be one of ${GC_KINDS.join(', ')}`);
  }
  return { args: { type: known }, orderArgs: { gc: { kind: known } } };
}

function readTaskArgs(args: FieldReader): ReadArgs {
  const { taskId, args: echoed } = readTaskName(args);
  return { args: { ...echoed, task_id: taskId }, orderArgs: { task_id: taskId } };
}

/** What of a delete is said by flags; absent where nothing was. */
function readDeleteFlags(args: FieldReader): { dry_run?: boolean; verify?: boolean } {
  const isDryRun = args.flag('dry_run');
  const isVerified = args.flag('verify');
  if (isDryRun === true && isVerified === true) {
    throw invalidField('args.verify', 'must not be true with args.dry_run: nothing is deleted');
  }
  return {
    ...(isDryRun === undefined ? {} : { dry_run: isDryRun }),
    ...(isVerified === undefined ? {} : { verify: isVerified }),
  };
}

function readListArgs(args: FieldReader): ReadArgs {
  const orderArgs = {
    page: args.wholeNumber('page', { min: 1, max: PAGE_MAX }) ?? 1,
    per_page: args.wholeNumber('per_page', { min: 1, max: PER_PAGE_MAX }) ?? PER_PAGE_DEFAULT,
  };
  return { args: orderArgs, orderArgs };
}

function readSpec(
  args: FieldReader,
  type: JobType,
): { spec: OperationSpec; echoed: Readonly<Record<string, unknown>> } {
  const parallelism = args.raw('parallelism');
  const failureStrategy = args.raw('failure_strategy');
  // Dragonfly's name for the parallelism of a get_task or preheat; ours wins where both are given.
  const concurrentPeerCount =
    type === JobType.GetTask || type === JobType.Preheat
      ? args.wholeNumber('concurrent_peer_count', OPERATION_SPEC_RULES.parallelism)
      : undefined;
  const spec = parseOperationSpec(
    {
      timeout: args.raw('timeout'),
      parallelism: parallelism ?? concurrentPeerCount,
      failure_strategy: failureStrategy,
    },
    OPERATION_SPEC_RULES,
    'args.',
  );
  const echoed = {
    timeout: spec.timeoutMs * NANOSECONDS_PER_MS,
    ...(parallelism === undefined ? {} : { parallelism }),
    ...(concurrentPeerCount === undefined ? {} : { concurrent_peer_count: concurrentPeerCount }),
    ...(failureStrategy === undefined ? {} : { failure_strategy: failureStrategy }),
  };
  return { spec, echoed };
}

/** What a job is about, for the audit log: a URL without what may be secret in it. */
export function selectorOf({ type, isDryRun, clusterIds, args }: CreateJobRequest): string {
  const urls = Array.isArray(args['urls']) ? ` urls=${args['urls'].length}` : '';
  const url = typeof args['url'] === 'string' ? ` url=${withoutSecrets(args['url'])}` : '';
  const taskId = typeof args['task_id'] === 'string' ? ` task=${args['task_id']}` : '';
  const clusters = clusterIds === undefined ? '' : ` clusters=${clusterIds.join(',')}`;
  const kind = typeof args['type'] === 'string' ? ` kind=${args['type']}` : '';
  return `${type}${isDryRun ? ' dry_run' : ''}${kind}${taskId}${clusters}${url}${urls}`;
}

function withoutSecrets(url: string): string {
  if (!URL.canParse(url)) return '';
  const { protocol, host, pathname } = new URL(url);
  return `${protocol}//${host}${pathname}`;
}
