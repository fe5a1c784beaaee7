import { eventually } from '@pondhawk/testing';
import { Stage } from './stage.js';

const PATIENCE = { timeoutMs: 20_000 };
const SIZE_BYTES = 3 * 1024 * 1024;
const OFTEN = { PONDHAWK_PEER_MANAGER_LIST_INTERVAL_MS: '1000' };

describe('Block lists of a cluster that is running', () => {
  let stage: Stage;

  beforeAll(async () => {
    const env = { 'peer-1': OFTEN, 'peer-2': OFTEN };
    stage = await Stage.open({ schedulers: 1, seeds: 0, peers: 2, env });
    await stage.waitForLeases();
  }, 60_000);
  afterAll(async () => {
    await stage.close();
  }, 30_000);

  const block = async (task: object): Promise<void> => {
    const { status } = await stage.rest('/api/v1/clusters/1', {
      method: 'PATCH',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ peer_cluster_config: { block_list: { task } } }),
    });
    expect(status).toBe(200);
  };
  const refusalOf = (peer: string, url: string, ...flags: string[]): Promise<string> =>
    stage.get(peer, url, ...flags).then(
      () => '',
      (thrown: unknown) => (thrown as Error).message,
    );
  /** Waits until both hosts go by the lists that name the tag. */
  const untilBlocked = async (tag: string): Promise<void> => {
    const { url } = stage.serve(SIZE_BYTES);
    for (const peer of ['peer-1', 'peer-2']) {
      await eventually(
        async () => (await refusalOf(peer, url, '--tag', tag)).includes('block list'),
        PATIENCE,
      );
    }
  };
  const uploadedBytes = async (): Promise<number> => {
    const metrics = stage.cluster.record('peer-1').addresses['metrics'] ?? '';
    const text = await (await fetch(`http://${metrics}/metrics`)).text();
    return Number(/^pondhawk_peer_upload_bytes_total (\d+)/m.exec(text)?.[1] ?? 0);
  };

  it('keep hosts from downloading what they name, also what is on their disk, and nothing else', async () => {
    const { url, sha256 } = stage.serve(SIZE_BYTES);
    expect(await stage.get('peer-1', url, '--tag', 'nightly')).toBe(sha256);
    await block({ download: { tags: ['nightly'], urls: [`^${url}$`] } });
    await untilBlocked('nightly');
    expect(await refusalOf('peer-1', url, '--tag', 'nightly')).toContain('tag is on the');
    expect(await refusalOf('peer-2', url, '--tag', 'weekly')).toContain('url is on the');
    const other = stage.serve(SIZE_BYTES);
    expect(await stage.get('peer-2', other.url, '--tag', 'weekly')).toBe(other.sha256);
    await block({});
    await eventually(
      async () => (await stage.get('peer-1', url, '--tag', 'nightly')) === sha256,
      PATIENCE,
    );
  }, 90_000);

  it('keep hosts from passing on what they name: others fetch it from the origin', async () => {
    const passedOn = stage.serve(SIZE_BYTES);
    await stage.get('peer-1', passedOn.url, '--application', 'builds');
    const before = await uploadedBytes();
    await stage.get('peer-2', passedOn.url, '--application', 'builds');
    const usual = await uploadedBytes();
    expect(usual - before).toBeGreaterThanOrEqual(SIZE_BYTES);
    await block({ upload: { applications: ['builds'] }, download: { tags: ['mark'] } });
    await untilBlocked('mark');
    const kept = stage.serve(SIZE_BYTES);
    await stage.get('peer-1', kept.url, '--application', 'builds');
    expect(await stage.get('peer-2', kept.url, '--application', 'builds')).toBe(kept.sha256);
    expect(await uploadedBytes()).toBe(usual);
    await block({});
  }, 90_000);
});
