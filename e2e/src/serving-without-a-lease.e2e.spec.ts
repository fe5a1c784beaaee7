import { connect } from 'node:net';
import { encodeVortexPacket, VortexReader } from '@pondhawk/contracts';
import { eventually, headersFor } from '@pondhawk/testing';
import { Stage, type Content, type Job } from './stage.js';

const MIB = 1024 * 1024;
const LEASES = { schedulerLeaseMs: 1_000, hostLeaseMs: 1_000, marginMs: 500 };
const PATIENCE = { timeoutMs: 30_000 };
const PIECE_TIMEOUT_MS = 5_000;

describe('A cluster whose hosts may serve without a lease', () => {
  let stage: Stage;

  beforeAll(async () => {
    const overrides = { manager: { leases: LEASES } };
    stage = await Stage.open({ schedulers: 1, seeds: 0, peers: 2, overrides });
    await stage.waitForLeases();
    await allow(true);
    await eventually(() => waivedHosts(2), PATIENCE);
  }, 60_000);
  afterAll(async () => stage.close(), 30_000);

  it('serves on, here and to other hosts, when manager and scheduler are gone', async () => {
    const content = await fill('peer-1');
    const { args } = await stage.runJob({ type: 'get_task', args: { url: content.url } });
    await stage.kill('manager');
    await stage.kill('scheduler-1');
    await eventually(async () => !(await hasMetric('peer-1', 'lease_valid', 1)), PATIENCE);
    const sentBytes = stage.origin.sentBytes;
    expect(await stage.get('peer-1', content.url)).toBe(content.sha256);
    expect(stage.origin.sentBytes).toBe(sentBytes);
    const piece = await readPiece('peer-1', args.task_id);
    expect(piece.length).toBeGreaterThan(0);
    expect(piece.equals(content.body.subarray(0, piece.length))).toBe(true);
    await stage.cluster.restart('manager');
    await stage.cluster.restart('scheduler-1');
    await stage.waitForLeases();
  }, 90_000);

  it('fails a purge by the name of a host that stands still, and promises nothing', async () => {
    const content = await fill('peer-1', 'peer-2');
    const stopped = stage.cluster.getProcess('peer-2');
    stopped.kill('SIGSTOP');
    try {
      const { state, result } = await purge(content, 60_000);
      expect([state, result.outcome, result.finality]).toEqual([
        ...['FAILURE', 'partial', 'best_effort'],
      ]);
      expect(result.counts).toMatchObject({ deleted: 1, failed: 1, fenced: 0 });
      expect(result.failure_peers.map(({ peer }) => peer.host_name)).toEqual(['peer-2']);
      expect(reasonsOf(result)).toEqual(['SERVE_WITHOUT_LEASE']);
    } finally {
      stopped.kill('SIGCONT');
    }
    // What it missed comes when it is back.
    await eventually(() => stage.servableCopiesOf(stage.cluster.record('peer-2')) === 0, PATIENCE);
  }, 120_000);

  it('promises again when the last host has heard that it may not, and fences then', async () => {
    await stage.waitForLeases();
    await eventually(() => waivedHosts(2), PATIENCE);
    await stage.kill('peer-2'); // Nobody can tell it.
    await allow(false);
    await eventually(async () => {
      const { result } = await purge(stage.serve(1), 20_000);
      expect(hostsOf(result)).toEqual([expect.stringContaining('peer-2')]);
      expect(result.finality).toBe('best_effort');
    }, PATIENCE);
    expect(await markedHosts()).toEqual(['peer-2']);
    await stage.cluster.restart('peer-2'); // The next start has outlived it, as its folder's lock proves.
    await stage.waitForLeases();
    expect(await waivedHosts(0)).toBe(true);
    expect(await markedHosts()).toEqual([]);
    const content = await fill('peer-1', 'peer-2');
    const stopped = stage.cluster.getProcess('peer-2');
    stopped.kill('SIGSTOP');
    try {
      const { state, result } = await purge(content, 20_000);
      expect([state, result.finality]).toEqual(['SUCCESS', 'guaranteed']);
      expect(result.counts).toMatchObject({ deleted: 1, failed: 0, fenced: 1 });
    } finally {
      stopped.kill('SIGCONT');
    }
  }, 120_000);

  async function allow(isAllowed: boolean): Promise<void> {
    const { manager } = stage.record;
    const response = await fetch(`${manager.url}/api/v1/clusters/1`, {
      method: 'PATCH',
      headers: headersFor(manager),
      body: JSON.stringify({ scheduler_cluster_config: { serve_without_lease: isAllowed } }),
    });
    expect(response.status).toBe(200);
  }

  async function fill(...peers: readonly string[]): Promise<Content> {
    await stage.waitForLeases();
    const content = stage.serve(2 * MIB);
    for (const peer of peers) expect(await stage.get(peer, content.url)).toBe(content.sha256);
    return content;
  }

  async function purge({ url }: Content, timeoutMs: number): Promise<Job> {
    return stage.runJob({ type: 'delete_task', args: { url } }, timeoutMs);
  }

  async function markedHosts(): Promise<string[]> {
    const { body } = await stage.rest('/api/v1/peers');
    return (body as { host_name: string; may_serve_without_lease: boolean }[])
      .filter((row) => row.may_serve_without_lease)
      .map((row) => row.host_name);
  }

  async function waivedHosts(count: number): Promise<boolean> {
    const are = await Promise.all(
      stage.hosts.map(({ name }) => hasMetric(name, 'lease_waived', 1)),
    );
    return are.filter(Boolean).length === count;
  }

  async function hasMetric(peer: string, name: string, value: number): Promise<boolean> {
    const { metrics } = stage.cluster.record(peer).addresses;
    const text = await (await fetch(`http://${metrics}/metrics`)).text();
    return text.includes(`\npondhawk_peer_${name} ${value}\n`);
  }

  /** The first piece of a task, as a stranger gets it. */
  function readPiece(peer: string, taskId: string): Promise<Buffer> {
    const port = Number(stage.cluster.record(peer).addresses['pieces']?.split(':')[1]);
    const message = { kind: 'download-piece', taskId, pieceNumber: 0 } as const;
    return new Promise((resolve, reject) => {
      const reader = new VortexReader('server');
      const parts: Buffer[] = [];
      const socket = connect({ host: '127.0.0.1', port, timeout: PIECE_TIMEOUT_MS });
      socket.on('timeout', () => socket.destroy(new Error('No piece came.')));
      socket.on('error', reject);
      socket.on('data', (bytes) => {
        for (const event of reader.feed(bytes)) {
          if (event.kind === 'payload') parts.push(Buffer.from(event.bytes));
          const isRefused = event.kind !== 'payload' && event.message.kind !== 'piece-content';
          if (isRefused) socket.destroy(new Error('The host refused.'));
          if (event.kind === 'payload' && event.isLast) {
            socket.destroy();
            resolve(Buffer.concat(parts));
          }
        }
      });
      socket.write(encodeVortexPacket({ id: 0, message }));
    });
  }
});

function reasonsOf(result: object): unknown {
  return (result as { readonly finality_reasons?: unknown }).finality_reasons;
}

function hostsOf(result: object): unknown {
  return (result as { readonly finality_hosts?: unknown }).finality_hosts;
}
