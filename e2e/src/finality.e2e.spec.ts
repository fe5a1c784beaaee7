import { eventually } from '@pondhawk/testing';
import { Stage, type Content, type Job } from './stage.js';

const MIB = 1024 * 1024;
/** Short, so that whoever is silent is fenced after 2.5 s. */
const LEASES = { schedulerLeaseMs: 1_000, hostLeaseMs: 1_000, marginMs: 500 };
const BOUND_MS = 2_500;

describe('A purge that ends with SUCCESS', () => {
  let stage: Stage;

  beforeAll(async () => {
    const overrides = { manager: { leases: LEASES } };
    stage = await Stage.open({ schedulers: 2, seeds: 0, peers: 3, overrides });
  }, 60_000);
  afterAll(async () => stage.close(), 30_000);

  it('is final on a host that stood still for longer than the bound, from its first step on', async () => {
    const content = await fill('peer-1', 'peer-2');
    const stopped = stage.cluster.getProcess('peer-2');
    stopped.kill('SIGSTOP');
    let job: Job;
    try {
      job = await purge(content);
      expectFinal(job, { deleted: 1, fenced: 1 });
    } finally {
      stopped.kill('SIGCONT');
    }
    const changed = changeAt(content);
    // Its copy lies there still, and nobody gets a byte of it.
    expect(await stage.get('peer-2', content.url)).toBe(changed.sha256);
    await eventually(() => stage.olderCopiesOf(hostOf('peer-2'), seqOf(job)) === 0, {
      timeoutMs: 20_000,
    });
  }, 90_000);

  it('does not wait for a host whose connection was lost before', async () => {
    const content = await fill('peer-1', 'peer-3');
    await stage.kill('peer-3');
    await new Promise((resolve) => setTimeout(resolve, BOUND_MS)); // Its lease runs out.
    const job = await purge(content);
    expectFinal(job, { deleted: 1, fenced: 1 });
    // Its home remembers that it held the task.
    expect(job.result.fenced_peers.map(({ peer }) => peer.host_name)).toEqual(['peer-3']);
    await stage.cluster.restart('peer-3');
    expect(stage.olderCopiesOf(hostOf('peer-3'), seqOf(job))).toBe(0);
  }, 90_000);

  it('ends after the manager was killed in the middle and knows of no lease any more', async () => {
    const content = await fill('peer-1', 'peer-2');
    const stopped = stage.cluster.getProcess('peer-2');
    stopped.kill('SIGSTOP');
    try {
      const { id } = await stage.createJob({ type: 'delete_task', args: { url: content.url } });
      // A report that the dead process had in hand would come again long after the bound.
      await eventually(
        async () => {
          const { result } = (await stage.rest(`/api/v1/jobs/${id}?wait=0`)).body as Job;
          expect(result.counts).toMatchObject({ deleted: 1, absent: 1 });
        },
        { timeoutMs: 20_000, intervalMs: 20 },
      );
      await stage.kill('manager');
      await stage.cluster.restart('manager');
      const job = await eventually(
        async () => {
          const now = (await stage.rest(`/api/v1/jobs/${id}`)).body as Job;
          expect(now.state).toBe('SUCCESS');
          return now;
        },
        { timeoutMs: 20_000 },
      );
      expectFinal(job, { deleted: 1, fenced: 1 });
    } finally {
      stopped.kill('SIGCONT');
    }
  }, 90_000);

  it('is promised by hosts that serve nothing while the manager is gone', async () => {
    const content = await fill('peer-1');
    await stage.kill('manager');
    await eventually(async () => (await leasedHosts()) === 0, { timeoutMs: 20_000 });
    const sentBytes = stage.origin.sentBytes;
    // Past its own copy, from the origin.
    expect(await stage.get('peer-1', content.url)).toBe(content.sha256);
    expect(stage.origin.sentBytes).toBeGreaterThanOrEqual(sentBytes + content.body.length);
    await stage.cluster.restart('manager');
    await stage.waitForLeases();
    const before = stage.origin.sentBytes;
    expect(await stage.get('peer-1', content.url)).toBe(content.sha256);
    expect(stage.origin.sentBytes).toBe(before);
  }, 90_000);

  async function fill(...peers: readonly string[]): Promise<Content> {
    await stage.waitForLeases();
    const content = stage.serve(2 * MIB);
    for (const peer of peers) expect(await stage.get(peer, content.url)).toBe(content.sha256);
    return content;
  }

  /** Lets the origin have something else under the same address. */
  function changeAt({ url }: Content): Content {
    return stage.replace(url, 2 * MIB);
  }

  async function purge({ url }: Content): Promise<Job> {
    return stage.runJob({ type: 'delete_task', args: { url } });
  }

  function expectFinal({ state, result }: Job, counts: Readonly<Record<string, number>>): void {
    expect([state, result.outcome, result.finality]).toEqual([
      ...['SUCCESS', 'complete', 'guaranteed'],
    ]);
    expect(result.counts).toMatchObject(counts);
  }

  function seqOf({ result }: Job): number {
    return result.purge_seq?.['1'] ?? 0;
  }

  function hostOf(name: string) {
    return stage.cluster.record(name);
  }

  async function leasedHosts(): Promise<number> {
    const withLease = await Promise.all(stage.hosts.map((host) => stage.hasLease(host)));
    return withLease.filter(Boolean).length;
  }
});
