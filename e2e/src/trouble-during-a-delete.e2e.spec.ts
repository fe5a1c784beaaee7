import { eventually } from '@pondhawk/testing';
import { Stage, type Content, type HostResult, type Job } from './stage.js';

const MIB = 1024 * 1024;
const PEERS = ['peer-1', 'peer-2', 'peer-3', 'peer-4'];
/** Within this a host that is gone has to be fenced: the bound is 10 s. */
const FENCED_MS_MAX = 20_000;

describe('A delete in trouble', () => {
  let stage: Stage;

  beforeAll(async () => {
    stage = await Stage.open({ schedulers: 2, seeds: 0, peers: PEERS.length });
  }, 60_000);
  afterAll(async () => stage.close(), 30_000);

  describe('when one host hangs', () => {
    it('reports the others at once, and fences that one once its lease is over', async () => {
      const content = await serveToAll();
      const hung = stage.cluster.getProcess('peer-3');
      hung.kill('SIGSTOP');
      try {
        const job = await stage.createJob({ type: 'delete_task', args: { url: content.url } });
        await eventually(
          async () => {
            expect(await deletedOn(job)).toEqual(['peer-1', 'peer-2', 'peer-4']);
            const now = (await stage.rest(`/api/v1/jobs/${job.id}?wait=0`)).body as Job;
            expect(now.state).toBe('PENDING');
          },
          { timeoutMs: 2_000 },
        );
        expectFenced(await endOf(job), 'peer-3');
      } finally {
        hung.kill('SIGCONT');
      }
    }, 90_000);
  });

  describe('when a host is killed while it deletes', () => {
    it('reports the others at once, and fences that one once its lease is over', async () => {
      await stage.kill('peer-2');
      await stage.cluster.restart('peer-2', {
        NODE_ENV: 'test',
        PONDHAWK_FAULT: 'peer.delete.aborted:kill',
      });
      const content = await serveToAll();
      const job = await stage.createJob({ type: 'delete_task', args: { url: content.url } });
      await eventually(
        async () => expect(await deletedOn(job)).toEqual(['peer-1', 'peer-3', 'peer-4']),
        { timeoutMs: 2_000 },
      );
      expectFenced(await endOf(job), 'peer-2');
      expect((await stage.cluster.getProcess('peer-2').ended).signal).toBe('SIGKILL');
    }, 60_000);

    it('has nothing of it on that host after its restart', async () => {
      const host = await stage.cluster.restart('peer-2');
      expect(await stage.filesOf(host)).toEqual([]);
      expect(stage.rowsOf(host)).toEqual({ copies: 0, pieces: 0 });
    }, 30_000);
  });

  describe('when a host is downloading the task', () => {
    it('leaves nothing of it there, and the caller gets the right bytes or an error', async () => {
      const content = stage.serveHeld(32 * MIB);
      const host = stage.cluster.record('peer-4');
      const download = stage.get('peer-4', content.url).then(
        (sha256) => ({ sha256 }),
        (error: unknown) => ({ error: String(error) }),
      );
      await eventually(() => expect(stage.rowsOf(host).pieces).toBeGreaterThan(0), {
        timeoutMs: 15_000,
      });
      const job = await stage.runJob({ type: 'delete_task', args: { url: content.url } });
      const [files, rows] = [await stage.filesOf(host), stage.rowsOf(host)];
      content.release();
      expect([job.state, job.result.failure_peers]).toEqual(['SUCCESS', []]);
      expect(job.result.counts['deleted']).toBe(1);
      expect([files, rows]).toEqual([[], { copies: 0, pieces: 0 }]);
      const end = await download;
      expect(end).toEqual(
        'sha256' in end
          ? { sha256: content.sha256 }
          : { error: expect.stringMatching(/deleted|purged|removed/i) as string },
      );
      // Cut off, the caller has begun anew: what lies there now was asked for after the purge.
      expect(stage.olderCopiesOf(host, job.result.purge_seq?.['1'] ?? 0)).toBe(0);
    }, 60_000);
  });

  describe('when the manager dies between commit and publish', () => {
    it('is finished after its restart', async () => {
      const content = stage.serve(5 * MIB);
      await stage.waitForLeases();
      await stage.get('peer-1', content.url);
      await stage.kill('manager');
      await stage.cluster.restart('manager', {
        NODE_ENV: 'test',
        PONDHAWK_FAULT: 'manager.job.committed:kill',
      });
      await expect(
        stage.createJob({ type: 'delete_task', args: { url: content.url } }),
      ).rejects.toThrow();
      await stage.cluster.getProcess('manager').ended;
      await stage.cluster.restart('manager');
      await eventually(
        async () => {
          const jobs = (await stage.rest('/api/v1/jobs?type=delete_task')).body as Job[];
          const newest = jobs.sort((left, right) => right.id - left.id)[0];
          expect([newest?.args, newest?.state]).toEqual([
            expect.objectContaining({ url: content.url }),
            'SUCCESS',
          ]);
        },
        { timeoutMs: 40_000, intervalMs: 200 },
      );
      expect(await stage.filesOf(stage.cluster.record('peer-1'))).toEqual([]);
    }, 90_000);
  });

  async function serveToAll(): Promise<Content> {
    const content = stage.serve(5 * MIB);
    await stage.waitForLeases(); // Without one a download passes through, and leaves no copy.
    for (const peer of PEERS) expect(await stage.get(peer, content.url)).toBe(content.sha256);
    return content;
  }

  async function deletedOn(job: Job): Promise<string[]> {
    const path = `/api/v1/jobs/${job.id}/targets?outcome=deleted`;
    const targets = (await stage.rest(path)).body as HostResult[];
    return targets.map(({ peer }) => peer.host_name).sort();
  }

  async function endOf(job: Job): Promise<Job> {
    return eventually(
      async () => {
        const now = (await stage.rest(`/api/v1/jobs/${job.id}`)).body as Job;
        expect(now.state).not.toBe('PENDING');
        return now;
      },
      { timeoutMs: FENCED_MS_MAX, intervalMs: 200 },
    );
  }

  function expectFenced({ state, result }: Job, peer: string): void {
    expect([state, result.outcome, result.finality]).toEqual([
      ...['SUCCESS', 'complete', 'guaranteed'],
    ]);
    expect(result.fenced_peers.map((one) => [one.peer.host_name, one.outcome])).toEqual([
      [peer, 'fenced'],
    ]);
  }
});
