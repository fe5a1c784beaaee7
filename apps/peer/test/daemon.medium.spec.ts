import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dfdaemonV2, pondhawkV1 } from '@pondhawk/contracts';
import { Metadata, callServerStream, callUnary, createClient, type Client } from '@pondhawk/rpc';
import { folderLockOf, type DataFolderLock } from '@pondhawk/storage';
import { eventually } from '@pondhawk/testing';
import { contentOf, filesIn } from './store-fixture.js';

const BIN = join(__dirname, '..', 'bin', 'pondhawk-peer.js');
const content = contentOf(300_000);
const timeoutMs = 10_000;
const { DfdaemonUploadService: upload, DfdaemonDownloadService: download } = dfdaemonV2;

type LockRecord = DataFolderLock['record'];

describe('pondhawk-peer', () => {
  let dir: string;
  let daemon: ChildProcess;
  let origin: Server;
  let addresses: Record<string, string>;
  const clients: Client[] = [];

  function start(name: string): ChildProcess {
    const free = '{ host: 127.0.0.1, port: 0 }';
    const file = join(dir, `${name}.yaml`);
    writeFileSync(
      file,
      `dataDir: ${join(dir, 'data')}\nhost: { hostname: ${name}, ip: 127.0.0.1 }\nupload: ${free}\npieces: ${free}\nhealth: ${free}\nmetrics: ${free}\nsocket: { path: ${join(dir, name, 'peer.sock')} }\norigin: { allow: [127.0.0.0/8] }\n`,
    );
    return spawn(process.execPath, [BIN, '--config', file], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
  }

  function clientOf(address: string): Client {
    const client = createClient(address);
    clients.push(client);
    return client;
  }

  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'ph-daemon-'));
    origin = createServer((_request, response) => response.end(content));
    await new Promise<void>((resolve) => origin.listen(0, '127.0.0.1', resolve));
    daemon = start('one');
    const file = join(dir, 'data', 'addresses.json');
    await eventually(() => existsSync(file), { timeoutMs: 20_000 });
    ({ addresses } = JSON.parse(readFileSync(file, 'utf8')) as typeof globalThis & {
      addresses: Record<string, string>;
    });
  }, 30_000);

  afterAll(async () => {
    for (const client of clients) client.close();
    const ended = new Promise((resolve) => daemon.once('exit', resolve));
    daemon.kill('SIGTERM');
    expect(await ended).toBe(0);
    origin.close();
    rmSync(dir, { recursive: true, force: true });
  }, 30_000);

  it('gives its socket to owner and group only', () => {
    expect(statSync(addresses['socket']!).mode & 0o777).toBe(0o660);
  });

  it('serves on each listener only the services that belong there', async () => {
    const outside = clientOf(addresses['upload']!);
    const inside = clientOf(`unix:${addresses['socket']!}`);
    const unimplemented = { cause: { code: 12 } };
    await expect(
      callUnary(outside, download.listLocalTasks, { remoteIp: undefined }, { timeoutMs }),
    ).rejects.toMatchObject(unimplemented);
    const list = callServerStream(outside, pondhawkV1.LocalService.listCopies, { taskId: '' });
    await expect(list.next()).rejects.toMatchObject(unimplemented);
    const sync = callServerStream(inside, upload.syncPieces, {
      hostId: 'h',
      taskId: 'a'.repeat(64),
      interestedPieceNumbers: [],
    });
    await expect(sync.next()).rejects.toMatchObject(unimplemented);
  });

  it.each([
    '..',
    '/etc/passwd',
    'a'.repeat(63),
    'A'.repeat(64),
    `${'a'.repeat(63)}\0`,
    'x'.repeat(10_000),
    '',
  ])('refuses the task id %j on every call that takes one', async (taskId) => {
    const outside = clientOf(addresses['upload']!);
    const invalid = { code: 'INVALID_TASK_ID' };
    const request = { taskId, remoteIp: undefined };
    await expect(
      callUnary(outside, upload.deleteTask, request, { timeoutMs }),
    ).rejects.toMatchObject(invalid);
    await expect(
      callUnary(outside, upload.statLocalTask, request, { timeoutMs }),
    ).rejects.toMatchObject(invalid);
    const sync = callServerStream(outside, upload.syncPieces, {
      hostId: 'h',
      taskId,
      interestedPieceNumbers: [],
    });
    await expect(sync.next()).rejects.toMatchObject(invalid);
    const inside = clientOf(`unix:${addresses['socket']!}`);
    for (const method of [download.deleteTask, download.deleteLocalTask, download.statLocalTask]) {
      await expect(
        callUnary<typeof download.deleteTask>(inside, method as never, request, { timeoutMs }),
      ).rejects.toMatchObject(invalid);
    }
    if (taskId === '') return; // Means every task there.
    const list = callServerStream(inside, pondhawkV1.LocalService.listCopies, { taskId });
    await expect(list.next()).rejects.toMatchObject(invalid);
  });

  it('downloads a task, tells of its pieces, and deletes it with a receipt', async () => {
    const inside = clientOf(`unix:${addresses['socket']!}`);
    const outside = clientOf(addresses['upload']!);
    const address = origin.address();
    const port = typeof address === 'object' ? address?.port : 0;
    const url = `http://127.0.0.1:${port}/file`;
    let taskId = '';
    const request = dfdaemonV2.DownloadTaskRequest.create({
      download: { url, needPieceContent: true },
    });
    const bytes: Buffer[] = [];
    for await (const answer of callServerStream(inside, download.downloadTask, request)) {
      taskId = answer.taskId;
      if (answer.response?.$case === 'downloadPieceFinishedResponse') {
        bytes.push(answer.response.value.piece?.content ?? Buffer.alloc(0));
      }
    }
    expect(Buffer.concat(bytes).equals(content)).toBe(true);

    let initial = new Metadata();
    const told = [];
    const sync = callServerStream(
      outside,
      upload.syncPieces,
      { hostId: 'h', taskId, interestedPieceNumbers: [0] },
      { onMetadata: (metadata) => (initial = metadata) },
    );
    for await (const piece of sync) told.push(piece);
    expect(told).toMatchObject([{ number: 0, offset: 0n, length: 300_000n }]);
    expect(initial.get('pondhawk-pieces')).toEqual(['1']);
    expect(initial.get('pondhawk-copy-id')[0]).toMatch(/^[0-9a-f]{32}$/);
    expect(initial.get('pondhawk-log-id')).toEqual([`1.${'0'.repeat(32)}`]);

    const outcomes: string[] = [];
    const remove = async (purge?: string): Promise<void> => {
      const metadata = new Metadata();
      if (purge !== undefined) metadata.set('pondhawk-purge', purge);
      const onTrailers = (trailers: Metadata): number =>
        outcomes.push(String(trailers.get('pondhawk-delete-outcome')[0]));
      await callUnary(
        outside,
        upload.deleteTask,
        { taskId, remoteIp: undefined },
        { timeoutMs, onTrailers, metadata },
      );
    };
    await remove();
    await remove();
    await remove(`1.${'0'.repeat(32)}.1`);
    // Whoever counts the answer must know which daemon gives it.
    const lock = JSON.parse(readFileSync(join(dir, 'data', 'lock'), 'utf8')) as LockRecord;
    const daemonFacts = { incarnation: lock.incarnation, folder_lock: folderLockOf(lock) };
    expect(outcomes.map((outcome) => JSON.parse(outcome) as unknown)).toEqual([
      { outcome: 'deleted', copies: 1, deleted_bytes: 300_000, ...daemonFacts },
      { outcome: 'absent', copies: 0, deleted_bytes: 0, ...daemonFacts },
      { outcome: 'absent', copies: 0, deleted_bytes: 0, ...daemonFacts },
    ]);
    expect(filesIn(join(dir, 'data'))).toEqual([]);
    await expect(
      callUnary(outside, upload.statLocalTask, { taskId, remoteIp: undefined }, { timeoutMs }),
    ).rejects.toMatchObject({ code: 'TASK_NOT_FOUND' });
  }, 30_000);

  it('refuses a purge number that is none', async () => {
    const metadata = new Metadata();
    metadata.set('pondhawk-purge', '1.xyz.3');
    const request = { taskId: 'a'.repeat(64), remoteIp: undefined };
    await expect(
      callUnary(clientOf(addresses['upload']!), upload.deleteTask, request, {
        timeoutMs,
        metadata,
      }),
    ).rejects.toMatchObject({ code: 'INVALID_PURGE_NUMBER' });
  });

  it('answers probes and shows metrics', async () => {
    expect((await fetch(`http://${addresses['health']!}/healthy`)).status).toBe(200);
    const ready = await fetch(`http://${addresses['health']!}/readyz`);
    expect(ready.status).toBe(200);
    expect(await ready.json()).toEqual({
      status: 'ok',
      details: { lease: 'not needed: this host belongs to no cluster' },
    });
    const text = await (await fetch(`http://${addresses['metrics']!}/metrics`)).text();
    expect(text).toContain('pondhawk_peer_upload_bytes_total 0');
  });

  it('does not start on a data folder that another daemon has', async () => {
    const second = start('two');
    let text = '';
    second.stderr?.on('data', (chunk: Buffer) => (text += chunk.toString()));
    const code = await new Promise((resolve) => second.once('close', resolve));
    expect(code).toBe(2);
    expect(text).toContain('DATA_FOLDER_IN_USE');
  }, 30_000);
});
