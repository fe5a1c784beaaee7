import { NO_TARGETS, type TargetCounts, type TargetOutcome } from '@pondhawk/jobs';
import type {
  HeldTask,
  HostRecord,
  JobClusterRecord,
  JobDetail,
  JobRecord,
  TargetRecord,
} from '../ledger/index.js';
import { jobView } from './job-view.js';
import { targetView } from './peer-view.js';

const CREATED_AT_MS = Date.UTC(2026, 10, 22, 10, 0, 0, 0);
const TASK_ID = '457b43'.padEnd(64, '0');

function aHost(name: string): HostRecord {
  return {
    id: `10.0.0.1-${name}`,
    host_name: name,
    type: 'normal',
    idc: '',
    location: '',
    ip: '10.0.0.1',
    port: 4000,
    download_port: 4000,
    os: 'linux',
    platform: 'debian',
    platform_family: 'debian',
    platform_version: '12',
    kernel_version: '6.1',
    git_version: '',
    git_commit: '',
    build_platform: '',
  };
}

function aTarget(name: string, outcome: TargetOutcome, facts: object = {}): TargetRecord {
  return {
    node: `host:10.0.0.1-${name}`,
    clusterId: 1,
    host: aHost(name),
    outcome,
    code: outcome === 'failed' ? 'HOST_UNREACHABLE' : '',
    message: outcome === 'failed' ? 'No answer in 12 s.' : '',
    deletedBytes: outcome === 'deleted' ? 67_108_864 : 0,
    attempts: 1,
    startedAtMs: CREATED_AT_MS + 5,
    endedAtMs: CREATED_AT_MS + 400,
    hostCount: undefined,
    task: undefined,
    later: undefined,
    verification: undefined,
    ...facts,
  };
}

function aCluster(
  counts: Partial<TargetCounts>,
  facts: Partial<JobClusterRecord> = {},
): JobClusterRecord {
  return {
    id: 1,
    name: 'cluster-1',
    counts: { ...NO_TARGETS, ...counts },
    deletedBytes: (counts.deleted ?? 0) * 67_108_864,
    heldBytes: 0,
    settledCount: 0,
    purgeSeq: 6,
    finality: { reasons: [], hosts: [] },
    orders: [],
    ...facts,
  };
}

function aJob(facts: Partial<JobRecord> = {}): JobRecord {
  return {
    id: 42,
    uuid: '2f1c',
    type: 'delete_task',
    isDryRun: false,
    retryOf: undefined,
    purgedCount: 0,
    state: 'SUCCESS',
    phase: 'ended',
    outcome: 'complete',
    bio: '',
    userId: 0,
    args: { task_id: TASK_ID, timeout: 3_600_000_000_000 },
    spec: { timeoutMs: 3_600_000, parallelism: 128, failureStrategy: 'CONTINUE' },
    createdAtMs: CREATED_AT_MS,
    updatedAtMs: CREATED_AT_MS + 412,
    deadlineAtMs: CREATED_AT_MS + 3_600_000,
    endedAtMs: CREATED_AT_MS + 412,
    cancelledAtMs: undefined,
    version: 7,
    ...facts,
  };
}

function aDetail(facts: Partial<JobDetail> = {}): JobDetail {
  return {
    job: aJob(),
    clusters: [aCluster({})],
    targets: [],
    listed: { entries: [], totalCount: 0, isCut: false },
    ...facts,
  };
}

const PENDING = { state: 'PENDING', phase: 'running', outcome: undefined } as const;

const HELD: HeldTask = {
  id: TASK_ID,
  url: 'http://origin/f',
  tag: '',
  application: '',
  state: 'complete',
  content_length: 10,
  finished_bytes: 10,
  piece_length: 4_194_304,
  created_at_ms: CREATED_AT_MS,
  updated_at_ms: CREATED_AT_MS + 1,
  finished_at_ms: CREATED_AT_MS + 2,
};

describe('jobView', () => {
  describe('when a delete is complete', () => {
    it('has the documented shape', () => {
      const view = jobView(
        aDetail({
          clusters: [aCluster({ deleted: 1, absent: 9 })],
          targets: [aTarget('h1', 'deleted')],
        }),
      );
      expect(view).toEqual({
        id: 42,
        created_at: '2026-11-22T10:00:00.000Z',
        updated_at: '2026-11-22T10:00:00.412Z',
        is_del: 0,
        bio: '',
        type: 'delete_task',
        task_id: 'group_2f1c',
        state: 'SUCCESS',
        phase: 'ended',
        user_id: 0,
        user: {},
        seed_peer_clusters: [],
        scheduler_clusters: [{ id: 1, name: 'cluster-1' }],
        args: { task_id: TASK_ID, timeout: 3_600_000_000_000 },
        result: {
          state: 'SUCCESS',
          outcome: 'complete',
          finality: 'guaranteed',
          finality_reasons: [],
          finality_hosts: [],
          group_uuid: 'group_2f1c',
          created_at: '2026-11-22T10:00:00.000Z',
          updated_at: '2026-11-22T10:00:00.412Z',
          purge_seq: { 1: 6 },
          fences_hold_in_ms: null,
          counts: {
            targets: 10,
            pending: 0,
            deleted: 1,
            absent: 9,
            fenced: 0,
            failed: 0,
            skipped: 0,
          },
          deleted_bytes: 67_108_864,
          truncated: false,
          job_states: [
            {
              task_uuid: 'task_2f1c-1',
              task_name: 'delete_task',
              state: 'SUCCESS',
              error: '',
              created_at: '2026-11-22T10:00:00.000Z',
              ttl: 0,
              results: [
                {
                  scheduler_cluster_id: 1,
                  success_tasks: [{ hostname: 'h1', ip: '10.0.0.1', host_type: 'normal' }],
                  failure_tasks: [],
                },
              ],
            },
          ],
          success_peers: [
            {
              peer: {
                ...aHost('h1'),
                object_storage_port: 0,
                state: 'active',
                scheduler_cluster_id: 1,
                scheduler_cluster: { id: 1, name: 'cluster-1' },
              },
              description: '',
              outcome: 'deleted',
              deleted_bytes: 67_108_864,
              attempts: 1,
              ended_at: '2026-11-22T10:00:00.400Z',
              later: null,
            },
          ],
          failure_peers: [],
          fenced_peers: [],
        },
      });
    });
  });

  describe('when hosts failed', () => {
    const view = jobView(
      aDetail({
        job: aJob({ state: 'FAILURE', outcome: 'partial' }),
        clusters: [aCluster({ deleted: 1, failed: 1 }), aCluster({}, { id: 2, name: 'two' })],
        targets: [aTarget('h2', 'failed'), aTarget('h1', 'deleted')],
      }),
    );
    const result = view['result'] as Record<string, unknown>;

    it('names them with the reason, beside those that succeeded', () => {
      expect(result['failure_peers']).toMatchObject([
        {
          peer: { host_name: 'h2', state: 'inactive' },
          description: 'HOST_UNREACHABLE: No answer in 12 s.',
          outcome: 'failed',
        },
      ]);
      expect(result['success_peers']).toHaveLength(1);
    });

    it('fails only the cluster they are in, and says how many', () => {
      expect(result['job_states']).toMatchObject([
        {
          state: 'FAILURE',
          error: '1 of 2 hosts failed.',
          results: [
            {
              scheduler_cluster_id: 1,
              failure_tasks: [
                {
                  hostname: 'h2',
                  ip: '10.0.0.1',
                  host_type: 'normal',
                  description: 'HOST_UNREACHABLE: No answer in 12 s.',
                },
              ],
            },
          ],
        },
        { state: 'SUCCESS', error: '', results: [{ scheduler_cluster_id: 2 }] },
      ]);
    });
  });

  describe('when nobody could carry the order out', () => {
    it('says why in the error of the cluster', () => {
      const order = {
        id: 1,
        schedulerId: undefined,
        attempt: 1,
        state: 'failed',
        errorCode: 'NO_ACTIVE_SCHEDULER',
        errorMessage: 'No scheduler of the cluster was active for 30 s.',
        verification: undefined,
      } as const;
      const { result } = jobView(
        aDetail({
          job: aJob({ state: 'FAILURE', outcome: 'failed' }),
          clusters: [aCluster({}, { orders: [order] })],
        }),
      ) as { result: { job_states: unknown[] } };
      expect(result.job_states).toMatchObject([
        {
          state: 'FAILURE',
          error: 'NO_ACTIVE_SCHEDULER: No scheduler of the cluster was active for 30 s.',
        },
      ]);
    });
  });

  describe.each(['delete_task', 'get_task', 'list_tasks'] as const)(
    'when a %s is pending',
    (type) => {
      it('has the keys of an ended one, empty, and a state that no client takes for an end', () => {
        const keysOf = (detail: JobDetail) => {
          const view = jobView(detail);
          return [Object.keys(view), Object.keys(view['result'] as object)];
        };
        const pending = aDetail({
          job: aJob({ type, ...PENDING }),
          clusters: [aCluster({ pending: 3 })],
        });
        expect(keysOf(pending)).toEqual(keysOf(aDetail({ job: aJob({ type }) })));
        const { result } = jobView(pending) as { result: { state: string; job_states: unknown } };
        expect(result.state).toBe('PENDING');
        expect(result.job_states).toMatchObject([{ state: 'PENDING', error: '', results: [] }]);
      });
    },
  );

  describe('when a question was answered', () => {
    const answered = aTarget('h1', 'answered', { task: HELD });
    const detail = aDetail({
      job: aJob({ type: 'get_task' }),
      clusters: [aCluster({ answered: 1, absent: 1 }), aCluster({ absent: 2 }, { id: 2 })],
      targets: [answered],
    });
    const { result } = jobView(detail) as { result: Record<string, unknown> };

    it('lists who holds the task and what of it', () => {
      expect(result['peers']).toMatchObject([
        {
          host_name: 'h1',
          scheduler_cluster: { id: 1 },
          task: { id: TASK_ID, state: 'complete', finished_at: '2026-11-22T10:00:00.002Z' },
        },
      ]);
      expect(result['counts']).toMatchObject({ targets: 4, answered: 1, absent: 3 });
    });

    it('has one result a cluster, with null where nobody holds it', () => {
      const states = result['job_states'] as { results: unknown[] }[];
      expect(states.map(({ results }) => results)).toEqual([
        [
          {
            peers: [
              {
                id: '10.0.0.1-h1',
                hostname: 'h1',
                ip: '10.0.0.1',
                host_type: 'normal',
                created_at: '2026-11-22T10:00:00.000Z',
                updated_at: '2026-11-22T10:00:00.001Z',
                IsFinished: true,
              },
            ],
            scheduler_cluster_id: 1,
          },
        ],
        [{ peers: null, scheduler_cluster_id: 2 }],
      ]);
    });
  });

  describe('when tasks were listed', () => {
    it.each([true, false])(
      'shows the page, how many there are and whether a host cut its list: %s',
      (isCut) => {
        const target = aTarget('h1', 'answered');
        const { result } = jobView(
          aDetail({
            job: aJob({ type: 'list_tasks', args: { page: 2, per_page: 1 } }),
            clusters: [aCluster({ answered: 1 })],
            targets: [target],
            listed: { entries: [{ target, task: HELD }], totalCount: 2, isCut },
          }),
        ) as { result: Record<string, unknown> };
        expect(result).toMatchObject({
          truncated: isCut,
          page: 2,
          per_page: 1,
          total_count: 2,
          peers: [{ host_name: 'h1', task: { id: TASK_ID } }],
        });
      },
    );
  });

  describe('when more hosts succeeded than a list holds', () => {
    it('cuts the list and says so, while counts tell all', () => {
      const targets = Array.from({ length: 1_001 }, (_, index) =>
        aTarget(`h${String(2_000 - index)}`, 'deleted'),
      );
      const { result } = jobView(
        aDetail({ clusters: [aCluster({ deleted: 1_001 })], targets }),
      ) as { result: { success_peers: { peer: { host_name: string } }[]; truncated: boolean } };
      expect(result.truncated).toBe(true);
      expect(result.success_peers).toHaveLength(1_000);
      expect(result.success_peers[0]?.peer.host_name).toBe('h1000');
    });
  });
});

describe('targetView', () => {
  it('shows one host of the job, whatever came of it', () => {
    expect(targetView(aTarget('h1', 'failed'), 'cluster-1')).toMatchObject({
      node: 'host:10.0.0.1-h1',
      scheduler_cluster_id: 1,
      peer: { host_name: 'h1' },
      outcome: 'failed',
      code: 'HOST_UNREACHABLE',
      description: 'HOST_UNREACHABLE: No answer in 12 s.',
      task: null,
      hosts: null,
      later: null,
    });
  });
});
