import { spawn, type ChildProcess } from 'node:child_process';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import {
  eventually,
  makeTempDir,
  OriginServer,
  runCommand,
  type ClusterRecord,
  type TempDir,
} from '@pondhawk/testing';
import { PROJECT_DIR } from './stage.js';

const NAMES = ['nats', 'manager', 'scheduler-1', 'peer-1'];
const UP = [join(PROJECT_DIR, 'tools', 'bootstrap.mjs'), 'up'];
const BODY = Buffer.alloc(1024 * 1024, 'pondhawk');

describe('npm run up', () => {
  let folder: TempDir;
  let origin: OriginServer;
  let up: ChildProcess;
  let printed: string;
  let record: ClusterRecord;

  beforeAll(async () => {
    folder = await makeTempDir();
    origin = new OriginServer();
    await origin.start();
    origin.serve('/file', { body: BODY, etag: '"1"' });
    await start();
  }, 60_000);
  afterAll(async () => {
    await stop();
    await origin.stop();
    await folder.remove();
  }, 30_000);

  it('prints a table of its processes and writes them to cluster.json', () => {
    for (const { name, pid } of record.processes)
      expect(printed).toMatch(new RegExp(`^${name} +${pid} +\\S+=`, 'm'));
    expect(record).toEqual({
      manager: {
        url: expect.stringMatching(/^http:/) as string,
        grpc: expect.any(String) as string,
        rootPassword: expect.any(String) as string,
        token: expect.stringMatching(/^pondhawk_pat_/) as string,
      },
      nats: { url: expect.stringMatching(/^nats:/) as string },
      processes: NAMES.map((name) => ({
        name,
        role: name.replace(/-\d+$/, ''),
        pid: expect.any(Number) as number,
        addresses: expect.any(Object) as object,
        dataDir: join(folder.path, 'data', name),
        logFile: join(folder.path, 'logs', `${name}.log`),
      })),
    });
  });

  it('starts one again that was killed', async () => {
    await get();
    process.kill(pidOf('peer-1'), 'SIGKILL');
    await eventually(() => !isAlive(pidOf('peer-1')), { timeoutMs: 5_000 });
    const args = [...UP, '--dir', folder.path, '--restart', 'peer-1'];
    const result = await runCommand(process.execPath, args, { timeoutMs: 30_000 });
    expect(result.code).toBe(0);
    record = await readRecord();
    expect(isAlive(pidOf('peer-1'))).toBe(true);
  }, 60_000);

  it('leaves no process behind after SIGTERM, and takes up its data the next time', async () => {
    const pids = record.processes.map(({ pid }) => pid);
    await stop();
    expect(pids.filter(isAlive)).toEqual([]);
    await start();
    const before = origin.sentBytes;
    await get();
    expect(origin.sentBytes).toBe(before);
  }, 90_000);

  async function start(): Promise<void> {
    printed = '';
    const shape = ['--schedulers', '1', '--seeds', '0', '--peers', '1'];
    up = spawn(process.execPath, [...UP, '--dir', folder.path, ...shape], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    up.stdout?.on('data', (chunk: Buffer) => (printed += chunk.toString()));
    await eventually(() => printed.includes('Ctrl-C'), { timeoutMs: 50_000 });
    record = await readRecord();
  }

  async function stop(): Promise<void> {
    const ended = new Promise((resolve) => up.once('exit', resolve));
    if (!up.kill('SIGTERM')) return;
    await ended;
  }

  async function readRecord(): Promise<ClusterRecord> {
    return JSON.parse(await readFile(join(folder.path, 'cluster.json'), 'utf8')) as ClusterRecord;
  }

  async function get(): Promise<void> {
    const socket = record.processes.find(({ role }) => role === 'peer')?.addresses['socket'] ?? '';
    const file = join(folder.path, 'file');
    const command = join(PROJECT_DIR, 'apps', 'cli', 'bin', 'pondhawk.js');
    const args = [command, 'get', origin.url('/file'), '-o', file, '--socket', socket];
    const result = await runCommand(process.execPath, args, { timeoutMs: 30_000 });
    expect([result.code, result.code === 0 ? '' : result.stderr]).toEqual([0, '']);
    expect((await readFile(file)).equals(BODY)).toBe(true);
    await rm(file);
  }

  function pidOf(name: string): number {
    return record.processes.find((one) => one.name === name)?.pid ?? -1;
  }
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
