import { Stage } from './stage.js';

const MIB = 1024 * 1024;

describe('Four peers that start in the same instant without a seed', () => {
  let stage: Stage;

  beforeAll(async () => {
    stage = await Stage.open({ schedulers: 1, seeds: 0, peers: 4 });
  }, 60_000);
  afterAll(async () => stage.close(), 30_000);

  it('take at most 1.25 times the file from the origin, and at least two of them serve', async () => {
    const content = stage.serve(64 * MIB);
    const peers = stage.hosts.map(({ name }) => name);
    const digests = await Promise.all(peers.map((peer) => stage.get(peer, content.url)));
    expect(new Set(digests)).toEqual(new Set([content.sha256]));
    expect(stage.origin.sentBytes).toBeLessThanOrEqual(1.25 * content.body.length);
    const served = await Promise.all(stage.hosts.map(uploadedBytes));
    expect(served.filter((bytes) => bytes > 0).length).toBeGreaterThanOrEqual(2);
  }, 120_000);

  it('a peer that was killed serves its copies again after its restart', async () => {
    const content = stage.serve(8 * MIB);
    await stage.get('peer-1', content.url);
    stage.cluster.getProcess('peer-1').kill('SIGKILL');
    await stage.cluster.getProcess('peer-1').ended;
    await stage.cluster.restart('peer-1');
    const before = stage.origin.sentBytes;
    expect(await stage.get('peer-1', content.url)).toBe(content.sha256);
    expect(stage.origin.sentBytes).toBe(before);
  }, 60_000);
});

async function uploadedBytes({
  addresses,
}: {
  addresses: Readonly<Record<string, string>>;
}): Promise<number> {
  const text = await (await fetch(`http://${addresses['metrics'] ?? ''}/metrics`)).text();
  return Number(/^pondhawk_peer_upload_bytes_total(?:\{[^}]*\})? (\S+)$/m.exec(text)?.[1] ?? '0');
}
