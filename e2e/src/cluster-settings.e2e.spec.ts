import { randomBytes } from 'node:crypto';
import { commonV2, INCARNATION_KEY, schedulerV2 } from '@pondhawk/contracts';
import {
  callBidi,
  callUnary,
  createClient,
  Metadata,
  type BidiCall,
  type Client,
} from '@pondhawk/rpc';
import { eventually, headersFor } from '@pondhawk/testing';
import { Stage } from './stage.js';

const { SchedulerService } = schedulerV2;
const PATIENCE = { timeoutMs: 20_000 };
const HOLDERS = ['a', 'b', 'c'];

type Answer = schedulerV2.AnnouncePeerResponse['response'];
type Said = NonNullable<schedulerV2.AnnouncePeerRequest['request']>;
type Announcing = BidiCall<schedulerV2.AnnouncePeerRequest, schedulerV2.AnnouncePeerResponse>;

const REGISTER: Said = {
  $case: 'registerPeerRequest',
  value: { download: commonV2.Download.fromPartial({ url: 'http://e/a' }) },
};
const FETCHED: Said[] = [
  {
    $case: 'downloadPeerBackToSourceStartedRequest',
    value: schedulerV2.DownloadPeerBackToSourceStartedRequest.fromPartial({}),
  },
  {
    $case: 'downloadPeerBackToSourceFinishedRequest',
    value: schedulerV2.DownloadPeerBackToSourceFinishedRequest.fromPartial({}),
  },
];

describe('Settings of a cluster that is running', () => {
  let stage: Stage;
  let client: Client;
  let names = 0; // Of hosts so far, and of tasks.

  beforeAll(async () => {
    stage = await Stage.open({ schedulers: 1, seeds: 0, peers: 1 });
    client = createClient(stage.cluster.record('scheduler-1').addresses['grpc'] ?? '');
  }, 60_000);
  afterAll(async () => {
    client.close();
    await stage.close();
  }, 30_000);

  const patch = async (body: object): Promise<void> => {
    const { manager } = stage.record;
    const response = await fetch(`${manager.url}/api/v1/clusters/1`, {
      method: 'PATCH',
      headers: headersFor(manager),
      body: JSON.stringify(body),
    });
    expect(response.status).toBe(200);
  };
  /** @param incarnation of a daemon that is no foreign one. */
  const announce = (name: string, incarnation?: string) =>
    callUnary(
      client,
      SchedulerService.announceHost,
      schedulerV2.AnnounceHostRequest.fromPartial({
        host: { id: `h-${name}`, hostname: name, ip: '127.0.0.1', port: 1, downloadPort: 1 },
        interval: { seconds: 300n, nanos: 0 },
      }),
      { timeoutMs: 5_000, metadata: metadataOf(incarnation) },
    );
  /** Registers a host's download. @returns the first answer; the stream stays open. */
  const register = async (name: string, taskId: string, incarnation?: string) => {
    const metadata = metadataOf(incarnation);
    const call: Announcing = callBidi(client, SchedulerService.announcePeer, { metadata });
    const say = (request: Said) =>
      call.send({ hostId: `h-${name}`, taskId, peerId: `p-${name}`, request });
    await say(REGISTER);
    const { value } = await call.responses[Symbol.asyncIterator]().next();
    return { call, say, answer: (value as schedulerV2.AnnouncePeerResponse).response };
  };
  /** A task that hosts hold, three unless more are named. */
  const aHeldTask = async (
    held: readonly string[] = HOLDERS,
  ): Promise<{ taskId: string; reannounce: () => Promise<void> }> => {
    names += 1;
    const taskId = String(names).padStart(64, '0');
    const holders = held.map((name) => `${name}${names}`);
    for (const name of holders) await announce(name);
    for (const name of holders) {
      // Whoever comes first fetches from the origin; the others say that they did.
      const { say } = await register(name, taskId);
      for (const said of FETCHED) await say(said);
    }
    const reannounce = async (): Promise<void> => {
      for (const name of holders) await announce(name);
    };
    return { taskId, reannounce };
  };
  const parentCount = (answer: Answer): number =>
    answer?.$case === 'normalTaskResponse' ? answer.value.candidateParents.length : 0;
  const askOnce = async (taskId: string): Promise<number> => {
    names += 1;
    await announce(`child${names}`);
    const { call, answer } = await register(`child${names}`, taskId);
    call.cancel();
    return parentCount(answer);
  };

  it('limit the candidate parents of the next answer', async () => {
    const { taskId } = await aHeldTask();
    expect(await askOnce(taskId)).toBe(3);
    await patch({ scheduler_cluster_config: { candidate_parent_limit: 2 } });
    await eventually(async () => {
      expect(await askOnce(taskId)).toBe(2);
    }, PATIENCE);
    await patch({ scheduler_cluster_config: { candidate_parent_limit: 4 } });
    await eventually(async () => {
      expect(await askOnce(taskId)).toBe(3);
    }, PATIENCE);
  }, 60_000);

  it('limit the peers that are looked at for the next answer', async () => {
    const { taskId } = await aHeldTask('abcdefghijkl'.split(''));
    await patch({ scheduler_cluster_config: { candidate_parent_limit: 20 } });
    await eventually(async () => {
      expect(await askOnce(taskId)).toBeGreaterThanOrEqual(12);
    }, PATIENCE);
    await patch({ scheduler_cluster_config: { filter_parent_limit: 10 } });
    await eventually(async () => {
      expect(await askOnce(taskId)).toBe(10);
    }, PATIENCE);
    const scheduler_cluster_config = { candidate_parent_limit: 4, filter_parent_limit: 15 };
    await patch({ scheduler_cluster_config });
    await eventually(async () => {
      expect(await askOnce(taskId)).toBe(4);
    }, PATIENCE);
  }, 60_000);

  it('limit the children that a host serves from its next announcement on', async () => {
    const { taskId, reannounce } = await aHeldTask();
    await patch({ peer_cluster_config: { load_limit: 1 } });
    await announce('busy');
    await eventually(async () => {
      await reannounce();
      const { call, answer } = await register('busy', taskId);
      // Each of the three serves this one now, and nobody else; what it gets it can pass on.
      expect(parentCount(answer)).toBe(3);
      const other = await askOnce(taskId);
      call.cancel();
      expect(other).toBe(1);
    }, PATIENCE);
    await patch({ peer_cluster_config: { load_limit: 200 } });
    await eventually(async () => {
      await reannounce();
      const { call } = await register('busy', taskId);
      const other = await askOnce(taskId);
      call.cancel();
      expect(other).toBe(4);
    }, PATIENCE);
  }, 60_000);

  it('limit the jobs a second, at once, and say when to come again', async () => {
    const order = () =>
      fetch(`${stage.record.manager.url}/api/v1/jobs`, {
        method: 'POST',
        headers: headersFor(stage.record.manager),
        body: JSON.stringify({ type: 'get_task', args: { task_id: 'a'.repeat(64) } }),
      });
    const statuses = async (count: number) =>
      (await Promise.all(Array.from({ length: count }, order))).map(({ status }) => status);
    expect(new Set(await statuses(20))).toEqual(new Set([200]));
    await patch({ scheduler_cluster_config: { job_rate_limit: 2 } });
    await eventually(async () => {
      expect(await statuses(5)).toContain(429);
    }, PATIENCE);
    const refused = await order();
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '1']);
    expect(await refused.json()).toMatchObject({
      ...{ code: 'JOB_RATE_LIMITED', details: { id: 1, limit: 2 } },
    });
  }, 60_000);

  describe('at a scheduler that asks for limits every ten minutes', () => {
    let other: Stage;
    let otherClient: Client;

    beforeAll(async () => {
      const overrides = { scheduler: { keepAlive: { intervalMs: 600_000 } } };
      other = await Stage.open({ schedulers: 1, seeds: 0, peers: 1, overrides });
      [stage, other] = [other, stage];
      otherClient = client;
      client = createClient(stage.cluster.record('scheduler-1').addresses['grpc'] ?? '');
    }, 60_000);
    afterAll(async () => {
      client.close();
      client = otherClient;
      [stage, other] = [other, stage];
      await other.close();
    }, 30_000);

    it('let our own hosts have foreign parents all the same, and not any more', async () => {
      const { taskId } = await aHeldTask();
      const askOwn = async (): Promise<number> => {
        names += 1;
        const incarnation = randomBytes(16).toString('hex');
        await announce(`own${names}`, incarnation);
        const { call, answer } = await register(`own${names}`, taskId, incarnation);
        call.cancel();
        return parentCount(answer);
      };
      expect(await askOwn()).toBe(0);
      for (const isAllowed of [true, false]) {
        await patch({ scheduler_cluster_config: { allow_foreign_parents: isAllowed } });
        await eventually(async () => {
          expect(await askOwn()).toBe(isAllowed ? 3 : 0);
        }, PATIENCE);
      }
    }, 60_000);
  });
});

function metadataOf(incarnation?: string): Metadata {
  const metadata = new Metadata();
  if (incarnation !== undefined) metadata.set(INCARNATION_KEY, incarnation);
  return metadata;
}
