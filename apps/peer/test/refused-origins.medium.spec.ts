import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dfdaemonV2 } from '@pondhawk/contracts';
import {
  CorpusServer,
  FIRST_HOP_ADDRESS,
  IMPOSSIBLE_HOSTS,
  REFUSED_REDIRECTS,
  refusedHosts,
} from '@pondhawk/origin/testing';
import { callServerStream, createClient, type Client } from '@pondhawk/rpc';
import { eventually } from '@pondhawk/testing';
import { filesIn } from './store-fixture.js';

const BIN = join(__dirname, '..', 'bin', 'pondhawk-peer.js');

/** A daemon of its own process, asked over its socket for everything that the corpus holds. */
describe('pondhawk-peer, over the corpus of addresses and redirects', () => {
  const corpus = new CorpusServer();
  let dir: string;
  let daemon: ChildProcess;
  let client: Client;

  beforeAll(async () => {
    await corpus.start();
    dir = mkdtempSync(join(tmpdir(), 'ph-refused-'));
    const free = { host: '127.0.0.1', port: 0 };
    const config = {
      dataDir: join(dir, 'data'),
      host: { hostname: 'one', ip: '127.0.0.1' },
      ...{ upload: free, pieces: free, health: free, metrics: free },
      socket: { path: join(dir, 'socket', 'peer.sock') },
      origin: { allow: [FIRST_HOP_ADDRESS] },
    };
    writeFileSync(join(dir, 'peer.yaml'), JSON.stringify(config)); // Each JSON is YAML.
    daemon = spawn(process.execPath, [BIN, '--config', join(dir, 'peer.yaml')], {
      stdio: 'ignore',
    });
    const addresses = join(dir, 'data', 'addresses.json');
    await eventually(() => existsSync(addresses), { timeoutMs: 20_000 });
    const { socket } = (
      JSON.parse(readFileSync(addresses, 'utf8')) as { addresses: { socket: string } }
    ).addresses;
    client = createClient(`unix:${socket}`);
  }, 30_000);

  afterAll(async () => {
    client.close();
    const ended = new Promise((resolve) => daemon.once('exit', resolve));
    daemon.kill('SIGTERM');
    expect(await ended).toBe(0);
    await corpus.stop();
    rmSync(dir, { recursive: true, force: true });
  }, 30_000);

  /** How the download ended: the code of the error, or what came instead. */
  async function outcomeOf(url: string): Promise<string> {
    const request = dfdaemonV2.DownloadTaskRequest.create({ download: { url } });
    const { downloadTask } = dfdaemonV2.DfdaemonDownloadService;
    try {
      for await (const answer of callServerStream(client, downloadTask, request)) {
        if (answer.response?.$case === 'downloadPieceFinishedResponse') return 'a piece came';
      }
      return 'the task ended';
    } catch (error) {
      return (error as { code: string }).code;
    }
  }

  it('fetches from no refused host', async () => {
    const bypasses: string[] = [];
    for (const { kind, host } of refusedHosts()) {
      const outcome = await outcomeOf(corpus.hostUrl(host));
      if (outcome !== 'ORIGIN_ADDRESS_REFUSED') bypasses.push(`${host} (${kind}): ${outcome}`);
    }
    expect(bypasses).toEqual([]);
    expect(corpus.insideConnections).toBe(0);
  }, 60_000);

  it('follows no redirect to where it may not go', async () => {
    const bypasses: string[] = [];
    for (const [index, { status, location, code }] of REFUSED_REDIRECTS.entries()) {
      const outcome = await outcomeOf(corpus.redirectUrl(index));
      if (outcome !== code) bypasses.push(`${status} to ${location}: ${outcome}`);
    }
    expect(bypasses).toEqual([]);
    expect(corpus.insideConnections).toBe(0);
    // Asked once each: what is refused is not tried again.
    expect(corpus.paths).toEqual(REFUSED_REDIRECTS.map((_, index) => `/0/${index}`));
  }, 60_000);

  it('takes no URL whose host is none', async () => {
    for (const host of IMPOSSIBLE_HOSTS) {
      expect([host, await outcomeOf(corpus.hostUrl(host))]).toEqual([host, 'INVALID_URL']);
    }
  });

  it('keeps no file of all that', () => {
    expect(filesIn(join(dir, 'data', 'content'))).toEqual([]);
  });
});
