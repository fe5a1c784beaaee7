import { cpSync, existsSync, mkdirSync, statSync } from 'node:fs';
import { readFile, readdir } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { DaemonProcess, eventually } from '@pondhawk/testing';
import { PROJECT_DIR, Stage, type Content } from './stage.js';

const MIB = 1024 * 1024;
const PATIENCE = { timeoutMs: 30_000 };

interface Addresses {
  readonly pieces: string;
  readonly socket: string;
  readonly health: string;
}

/** A second daemon under the host id of `peer-1`. */
class Clone {
  private constructor(
    private readonly process: DaemonProcess,
    readonly dataDir: string,
    readonly addresses: Addresses,
  ) {}

  /** @param dataDir may hold a copy of the other's folder. */
  static async start(stage: Stage, dataDir: string): Promise<Clone> {
    mkdirSync(dataDir, { recursive: true });
    const daemon = new DaemonProcess({
      name: 'clone',
      command: process.execPath,
      args: [
        join(PROJECT_DIR, 'apps', 'peer', 'bin', 'pondhawk-peer.js'),
        ...['--config', join(stage.folder.path, 'config', 'peer-1.yaml')],
      ],
      logFile: `${dataDir}.log`,
      env: {
        PONDHAWK_PEER_DATA_DIR: dataDir,
        PONDHAWK_PEER_UPLOAD_PORT: '0',
        PONDHAWK_PEER_PIECES_PORT: '0',
        PONDHAWK_PEER_HEALTH_PORT: '0',
        PONDHAWK_PEER_METRICS_PORT: '0',
        PONDHAWK_PEER_SOCKET_PATH: join(`${dataDir}.s`, 'peer.sock'),
      },
    });
    const file = join(dataDir, 'addresses.json');
    const addresses = await eventually(async () => {
      const written = JSON.parse(await readFile(file, 'utf8')) as {
        readonly pid: number;
        readonly addresses: Addresses;
      };
      if (written.pid !== daemon.pid) throw new Error('Those of the other daemon.');
      return written.addresses;
    }, PATIENCE);
    return new Clone(daemon, dataDir, addresses);
  }

  async readiness(): Promise<{ status: number; text: string }> {
    const response = await fetch(`http://${this.addresses.health}/readyz`);
    return { status: response.status, text: await response.text() };
  }

  /** Whether a connection to the piece port is closed at once. */
  async refusesChildren(): Promise<boolean> {
    const [host, port] = this.addresses.pieces.split(':');
    const socket = connect(Number(port), host);
    return new Promise((resolve) => {
      const stillOpen = setTimeout(() => resolve(false), 5_000);
      socket.on('error', () => undefined);
      socket.once('close', () => {
        clearTimeout(stillOpen);
        resolve(true);
      });
    }).finally(() => socket.destroy()) as Promise<boolean>;
  }

  async files(): Promise<string[]> {
    const folder = join(this.dataDir, 'content');
    if (!existsSync(folder)) return [];
    const entries = await readdir(folder, { recursive: true, withFileTypes: true });
    return entries.filter((entry) => entry.isFile()).map(({ name }) => name);
  }

  async stop(): Promise<void> {
    await this.process.stop(10_000);
  }
}

describe('A second daemon under the id of a host', () => {
  let stage: Stage;
  let clone: Clone | undefined;

  beforeAll(async () => {
    stage = await Stage.open({ schedulers: 2, seeds: 0, peers: 2 });
  }, 60_000);
  afterEach(async () => {
    await clone?.stop();
    clone = undefined;
  }, 30_000);
  afterAll(async () => stage.close(), 30_000);

  const get = (content: Content) =>
    stage.pondhawk(
      ...['get', content.url, '-o', join(stage.folder.path, 'got')],
      ...['--socket', clone!.addresses.socket],
    );
  const expectRefused = async () => {
    await eventually(async () => {
      const { status, text } = await clone!.readiness();
      expect([status, text]).toEqual([503, expect.stringContaining('Another daemon stands')]);
    }, PATIENCE);
    expect(await clone!.refusesChildren()).toBe(true);
  };

  it('is refused by every scheduler and serves nothing, although its folder is a copy of the other one', async () => {
    const content = stage.serve(2 * MIB);
    for (const peer of ['peer-1', 'peer-2']) {
      expect(await stage.get(peer, content.url)).toBe(content.sha256);
    }
    const copy = join(stage.folder.path, 'copy');
    cpSync(stage.cluster.record('peer-1').dataDir, copy, {
      recursive: true,
      filter: (path) => !statSync(path).isSocket(),
    });
    clone = await Clone.start(stage, copy);
    await expectRefused();
    expect(await clone.files()).toHaveLength(1);
    const refused = await get(content);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('HOST_ID_IN_USE');

    // The first goes on, and a delete is about the first.
    const other = stage.serve(MIB);
    expect(await stage.get('peer-1', other.url)).toBe(other.sha256);
    const job = await stage.runJob({ type: 'delete_task', args: { url: content.url } });
    expect(job).toMatchObject({ state: 'SUCCESS', result: { counts: { targets: 2, deleted: 2 } } });
    expect(stage.servableCopiesOf(stage.cluster.record('peer-1'))).toBe(1);
    await expectRefused();

    // Once the first has left, the second may stand for the host, and applies what it missed.
    await stage.cluster.getProcess('peer-1').stop(10_000);
    await eventually(async () => expect((await clone!.readiness()).status).toBe(200), PATIENCE);
    await eventually(async () => expect(await clone!.files()).toEqual([]), PATIENCE);
    const requestsBefore = stage.origin.requests.length;
    expect((await get(content)).code).toBe(0);
    expect(stage.origin.requests.length).toBeGreaterThan(requestsBefore);
    await clone.stop();
    await stage.cluster.restart('peer-1');
  }, 120_000);

  it('is refused with a folder of its own as well, and a restart of the first is not', async () => {
    clone = await Clone.start(stage, join(stage.folder.path, 'fresh'));
    await expectRefused();
    await stage.kill('peer-1');
    await stage.cluster.restart('peer-1');
    const content = stage.serve(MIB);
    expect(await stage.get('peer-1', content.url)).toBe(content.sha256);
    await expectRefused();
  }, 120_000);
});
