import { eventually } from '@pondhawk/testing';
import { Stage, type Content, type Job } from './stage.js';

const MIB = 1024 * 1024;
const SCHEDULERS = ['scheduler-1', 'scheduler-2'];

describe('A purge', () => {
  let stage: Stage;

  beforeAll(async () => {
    stage = await Stage.open({ schedulers: 2, seeds: 0, peers: 3 });
  }, 60_000);
  afterAll(async () => stage.close(), 30_000);

  it('reaches every copy although all schedulers were killed and started in the same second', async () => {
    const content = await fillEverywhere();
    await Promise.all(SCHEDULERS.map((name) => stage.kill(name)));
    await Promise.all(SCHEDULERS.map((name) => stage.cluster.restart(name)));
    const job = await purge(content);
    expect(job.state).toBe('SUCCESS');
    expect(job.result.counts).toMatchObject({ targets: 3, deleted: 3, failed: 0 });
    expect(job.result.deleted_bytes).toBe(3 * content.body.length);
    await expectNoCopy();
  }, 60_000);

  it('is applied by a host that was down before that host does anything else, and the job says so', async () => {
    await expectStates('active', 'active', 'active');
    const content = await fillEverywhere();
    await stage.kill('peer-2');
    await expectStates('active', 'inactive', 'active');
    const job = await purge(content);
    expect([job.state, job.result.finality]).toEqual(['SUCCESS', 'guaranteed']);
    expect(job.result.counts).toMatchObject({ targets: 3, deleted: 2, fenced: 1 });
    expect(job.result.fenced_peers).toMatchObject([
      { peer: { host_name: 'peer-2' }, outcome: 'fenced', later: null },
    ]);
    expect(await stage.filesOf(hostOf('peer-2'))).toHaveLength(1);
    await stage.cluster.restart('peer-2');
    // It is ready only after it has caught up.
    expect(stage.servableCopiesOf(hostOf('peer-2'))).toBe(0);
    await eventually(() => expectNoCopy(), { timeoutMs: 5_000 });
    await eventually(
      async () => {
        const { fenced_peers } = (await jobOf(job.id)).result;
        expect(fenced_peers).toMatchObject([{ outcome: 'fenced', later: 'deleted' }]);
      },
      { timeoutMs: 15_000 },
    );
    expect((await jobOf(job.id)).result.counts).toMatchObject({ deleted: 2, fenced: 1 });
    await expectStates('active', 'active', 'active');
  }, 90_000);

  it('finds no target in a host that was stopped in order, which applies it when it comes back', async () => {
    const content = await fillEverywhere();
    await stage.cluster.getProcess('peer-3').stop(10_000);
    await expectStates('active', 'active', 'inactive');
    const job = await purge(content);
    expect(job.state).toBe('SUCCESS');
    expect(job.result.counts).toMatchObject({ targets: 2, deleted: 2 });
    await stage.cluster.restart('peer-3');
    await eventually(() => expectNoCopy(), { timeoutMs: 15_000 });
  }, 90_000);

  it('has a number in the log of each cluster, one more than the former', async () => {
    const numbers: number[] = [];
    for (let round = 0; round < 3; round += 1) {
      numbers.push((await purge(stage.serve(10))).result.purge_seq?.['1'] ?? 0);
    }
    expect(numbers.map((number) => number - numbers[0]!)).toEqual([0, 1, 2]);
    await eventually(
      () =>
        expect(stage.hosts.map((host) => stage.appliedOf(host))).toEqual(
          stage.hosts.map(() => numbers[2]),
        ),
      { timeoutMs: 10_000 },
    );
  }, 60_000);

  it('leaves a copy alone that was begun after it', async () => {
    const content = stage.serve(MIB);
    await stage.waitForLeases();
    for (let round = 0; round < 3; round += 1) {
      await stage.get('peer-1', content.url);
      const [job, sha256] = await Promise.all([purge(content), stage.get('peer-2', content.url)]);
      expect(job.state).toBe('SUCCESS');
      expect(sha256).toBe(content.sha256);
    }
    await purge(content);
    await stage.get('peer-1', content.url);
    const sentBytes = stage.origin.sentBytes;
    expect(await stage.get('peer-3', content.url)).toBe(content.sha256);
    expect(stage.origin.sentBytes).toBe(sentBytes); // The new copy is a parent like any other.
    expect(stage.storedBytesOf(hostOf('peer-1'), content.url)).toBe(MIB);
  }, 60_000);

  async function fillEverywhere(): Promise<Content> {
    const content = stage.serve(2 * MIB);
    await stage.waitForLeases(); // Without one a download passes through, and leaves no copy.
    for (const peer of ['peer-1', 'peer-2', 'peer-3']) {
      expect(await stage.get(peer, content.url)).toBe(content.sha256);
    }
    return content;
  }

  async function purge({ url }: Content): Promise<Job> {
    return stage.runJob({ type: 'delete_task', args: { url } });
  }

  async function jobOf(id: number): Promise<Job> {
    return (await stage.rest(`/api/v1/jobs/${id}`)).body as Job;
  }

  function hostOf(name: string) {
    return stage.cluster.record(name);
  }

  async function expectNoCopy(): Promise<void> {
    for (const host of stage.hosts) {
      expect([host.name, await stage.filesOf(host)]).toEqual([host.name, []]);
      expect(stage.rowsOf(host)).toEqual({ copies: 0, pieces: 0 });
    }
  }

  async function expectStates(...states: readonly string[]): Promise<void> {
    await eventually(
      async () => {
        const peers = (await stage.rest('/api/v1/peers')).body as {
          host_name: string;
          state: string;
        }[];
        expect(peers.map(({ state }) => state)).toEqual(states);
      },
      { timeoutMs: 15_000 },
    );
  }
});
