/** Records about jobs, as they are answered. */

import { JOB_TYPES, TARGET_OUTCOMES } from '@pondhawk/jobs';
import {
  ROW_EXAMPLE,
  ROW_FIELDS,
  listOf,
  nullable,
  oneOf,
  recordOf,
  refTo,
  type Schema,
} from '../schema-parts.js';
import { HOST_EXAMPLE, HOST_FIELDS } from './fleet-records.js';

const STATE = oneOf('PENDING', 'SUCCESS', 'FAILURE');
const AT = '2026-11-22T10:00:00.000Z';
const TASK_ID = '457b43f1'.repeat(8);
const GROUP = 'group_2f1c0a4e-6b1d-4c8f-9a55-0d5b7f1c9e21';
const HOST_FACTS = { hostname: 'string', ip: 'string', host_type: 'string' } as const;
const HOST_FACTS_EXAMPLE = { hostname: 'h1', ip: '10.0.0.1', host_type: 'normal' };

const COUNTS = {
  ...{ targets: 10, pending: 0, deleted: 1, absent: 9, fenced: 0, failed: 0, skipped: 0 },
};
const HOST = { id: '10.0.0.1-h1', ...HOST_EXAMPLE };
const TARGET_PEER = {
  ...{ peer: HOST, description: '', outcome: 'deleted', deleted_bytes: 67_108_864, attempts: 1 },
  ...{ ended_at: '2026-11-22T10:00:00.400Z', later: null },
};
const CLUSTER_STATE = {
  ...{ task_uuid: `task_${GROUP.slice(6)}-1`, task_name: 'delete_task', state: 'SUCCESS' },
  ...{ error: '', created_at: AT, ttl: 0 },
  results: [{ scheduler_cluster_id: 1, success_tasks: [HOST_FACTS_EXAMPLE], failure_tasks: [] }],
};
const RESULT = {
  ...{ state: 'SUCCESS', outcome: 'complete', finality: 'guaranteed', finality_reasons: [] },
  ...{ finality_hosts: [], group_uuid: GROUP, created_at: AT },
  ...{
    updated_at: '2026-11-22T10:00:00.412Z',
    purge_seq: { 1: 6 },
    fences_hold_in_ms: null,
    counts: COUNTS,
  },
  ...{ deleted_bytes: 67_108_864, truncated: false, job_states: [CLUSTER_STATE] },
  ...{ success_peers: [TARGET_PEER], failure_peers: [], fenced_peers: [] },
};

const TARGET_PEER_FIELDS = {
  ...{ peer: refTo('TargetHost'), description: 'string', outcome: oneOf(...TARGET_OUTCOMES) },
  ...{ deleted_bytes: 'integer', attempts: 'integer', ended_at: 'time|null' },
  later: 'string|null',
  'verification?': 'string',
};

/** What hosts did when they were asked from outside. */
const VERIFICATION = recordOf(
  {
    ...{ asked: 'integer', passed: 'integer', newer_copies: 'integer', failed: 'integer' },
    unreachable: 'integer',
  },
  { asked: 10, passed: 10, newer_copies: 0, failed: 0, unreachable: 0 },
);

/** A task as a host holds it. */
const HELD_TASK = recordOf(
  {
    ...{ id: 'string', url: 'string', tag: 'string', application: 'string', state: 'string' },
    ...{ content_length: 'integer', finished_bytes: 'integer', piece_length: 'integer' },
    ...{ created_at: 'time', updated_at: 'time', finished_at: 'time|null' },
  },
  {
    ...{ id: TASK_ID, url: 'https://example.com/a.bin', tag: '', application: '' },
    ...{ state: 'complete', content_length: 67_108_864, finished_bytes: 67_108_864 },
    ...{ piece_length: 4_194_304, created_at: AT, updated_at: AT, finished_at: AT },
  },
);

const BLOB_URL = `https://registry.example/v2/team/app/blobs/sha256:${TASK_ID}`;
const BLOB = { url: BLOB_URL, kind: 'layer', digest: `sha256:${TASK_ID}`, size: 31_457_280 };
const HOLDER = {
  ...{ ip: '10.0.0.1', hostname: 'h1', cached_layers: [{ url: BLOB_URL }] },
  scheduler_cluster_id: 1,
};
const SILENT = {
  ...{ ip: '10.0.0.2', hostname: 'h2', scheduler_cluster_id: 1, code: 'HOST_UNREACHABLE' },
  description: 'No answer in 12 s.',
};
const HOLDERS: Schema = {
  type: 'array',
  items: recordOf(
    {
      ...{ ip: 'string', hostname: 'string', scheduler_cluster_id: 'integer' },
      cached_layers: {
        type: 'array',
        items: recordOf({ url: 'string' }, { url: BLOB_URL }),
      },
    },
    HOLDER,
  ),
};

/** By name. */
export const JOB_RECORDS = {
  TargetHost: recordOf({ id: 'string', ...HOST_FIELDS }, HOST),
  TargetPeer: recordOf(TARGET_PEER_FIELDS, TARGET_PEER),
  Target: recordOf(
    {
      ...{ node: 'string', scheduler_cluster_id: 'integer', ...TARGET_PEER_FIELDS },
      ...{ code: 'string', started_at: 'time' },
      task: nullable(HELD_TASK),
      hosts: {
        type: 'integer',
        nullable: true,
        description: 'sync_peers: hosts that the scheduler has told of; null with hosts.',
      },
    },
    {
      ...{ node: 'host:10.0.0.1-h1', scheduler_cluster_id: 1, ...TARGET_PEER },
      ...{ code: '', started_at: AT, task: null, hosts: null },
    },
  ),
  JobClusterState: recordOf(
    {
      ...{ task_uuid: 'string', task_name: 'string', state: STATE, error: 'string' },
      ...{ created_at: 'time', ttl: 'integer' },
      results: { type: 'array', items: refTo('JobClusterResult') },
    },
    CLUSTER_STATE,
  ),
  JobClusterResult: recordOf(
    {
      scheduler_cluster_id: 'integer',
      'success_tasks?': {
        type: 'array',
        items: recordOf(HOST_FACTS, HOST_FACTS_EXAMPLE),
      },
      'failure_tasks?': {
        type: 'array',
        items: recordOf(
          { ...HOST_FACTS, description: 'string' },
          { ...HOST_FACTS_EXAMPLE, description: 'HOST_UNREACHABLE: No answer in 12 s.' },
        ),
      },
      'peers?': {
        type: 'array',
        nullable: true,
        description: 'Null: nobody of this cluster has it.',
        items: recordOf(
          {
            ...{ id: 'string', ...HOST_FACTS, created_at: 'time', updated_at: 'time' },
            IsFinished: 'boolean',
          },
          {
            ...{ id: '10.0.0.1-h1', ...HOST_FACTS_EXAMPLE, created_at: AT, updated_at: AT },
            IsFinished: true,
          },
        ),
      },
    },
    CLUSTER_STATE.results[0] ?? {},
  ),
  JobResult: recordOf(
    {
      ...{ state: STATE, outcome: 'string', group_uuid: 'string' },
      ...{ 'finality?': oneOf('guaranteed', 'best_effort'), 'finality_reasons?': 'strings' },
      ...{ 'finality_hosts?': 'strings', created_at: 'time', updated_at: 'time' },
      ...{ 'purge_seq?': 'integers by name', 'deleted_bytes?': 'integer' },
      ...{ 'fences_hold_in_ms?': 'integer|null', 'verification?': VERIFICATION },
      ...{ 'settled_before?': 'integer', 'dry_run?': 'boolean', 'held_bytes?': 'integer' },
      counts: recordOf(
        {
          ...{ targets: 'integer', pending: 'integer', deleted: 'integer', absent: 'integer' },
          ...{ 'answered?': 'integer', fenced: 'integer', failed: 'integer', skipped: 'integer' },
        },
        COUNTS,
      ),
      ...{ job_states: listOf('JobClusterState'), truncated: 'boolean' },
      'peers?': {
        type: 'array',
        items: recordOf(
          {
            ...{ id: 'string', ...HOST_FIELDS },
            task: nullable(HELD_TASK),
          },
          { ...HOST, task: null },
        ),
      },
      ...{ 'success_peers?': listOf('TargetPeer'), 'failure_peers?': listOf('TargetPeer') },
      'fenced_peers?': listOf('TargetPeer'),
      ...{ 'page?': 'integer', 'per_page?': 'integer', 'total_count?': 'integer' },
      ...{ 'purged?': 'integer', 'hosts?': 'integer' },
    },
    RESULT,
  ),
  Job: recordOf(
    {
      ...{ ...ROW_FIELDS, bio: 'string', type: oneOf(...JOB_TYPES), task_id: 'string' },
      ...{ state: STATE, phase: oneOf('accepted', 'running', 'ended'), 'retry_of?': 'integer' },
      ...{ 'cancelled_at?': 'time', user_id: 'integer', user: 'object' },
      seed_peer_clusters: { type: 'array', items: {} },
      scheduler_clusters: {
        type: 'array',
        items: recordOf({ id: 'integer', name: 'string' }, { id: 1, name: 'cluster-1' }),
      },
      ...{ args: 'object', result: refTo('JobResult') },
    },
    {
      ...{ ...ROW_EXAMPLE, id: 42, bio: '', type: 'delete_task', task_id: GROUP },
      ...{ state: 'SUCCESS', phase: 'ended', user_id: 1, user: {}, seed_peer_clusters: [] },
      scheduler_clusters: [{ id: 1, name: 'cluster-1' }],
      args: { task_id: TASK_ID, timeout: 3_600_000_000_000 },
      result: RESULT,
    },
  ),
  ImageDistribution: recordOf(
    {
      image: recordOf(
        {
          layers: {
            type: 'array',
            items: recordOf(
              { url: 'string', kind: 'string', digest: 'string', size: 'integer' },
              BLOB,
            ),
          },
        },
        { layers: [BLOB] },
      ),
      ...{ peers: HOLDERS, seed_peers: HOLDERS },
      failure_peers: {
        type: 'array',
        items: recordOf(
          {
            ...{ ip: 'string', hostname: 'string', scheduler_cluster_id: 'integer' },
            ...{ code: 'string', description: 'string' },
          },
          SILENT,
        ),
      },
      ...{ job_id: 'integer', state: STATE, outcome: 'string', truncated: 'boolean' },
    },
    {
      ...{ image: { layers: [BLOB] }, peers: [HOLDER], seed_peers: [], failure_peers: [SILENT] },
      ...{ job_id: 42, state: 'FAILURE', outcome: 'partial', truncated: false },
    },
  ),
  BatchLine: recordOf(
    {
      ...{ index: 'integer', status: 'integer', 'id?': 'integer', 'args?': 'object' },
      ...{ 'replayed?': 'boolean', 'error?': refTo('ErrorAnswerBody') },
    },
    { index: 0, status: 200, id: 42, args: { task_id: TASK_ID }, replayed: false },
  ),
} satisfies Readonly<Record<string, Schema>>;
