import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DataCorruptionError, UnavailableError } from '@pondhawk/core';
import { pondhawkV1 } from '@pondhawk/contracts';
import { eventually, makeTempDir, type TempDir } from '@pondhawk/testing';
import { DOWNLOAD_ATTEMPTS_MAX } from '../src/get/download.js';
import { FakeDaemon, type FakeDaemonBehaviour } from './fake-daemon.js';
import { run, type CliRun } from './run-in-test.js';

const TASK_ID = 'ab'.repeat(32);
const URL_OF_FILE = 'http://origin/file';

describe('pondhawk against a daemon', () => {
  let dir: TempDir;
  let daemon: FakeDaemon;
  let behaviour: FakeDaemonBehaviour;
  let out: string;
  let file: string;

  beforeEach(async () => {
    dir = await makeTempDir();
    out = join(dir.path, 'out');
    file = join(out, 'file');
    await mkdir(out);
    behaviour = { content: randomBytes(4321), copies: [] };
    daemon = new FakeDaemon(join(dir.path, 's', 'p.sock'), behaviour);
    await daemon.start();
  });

  afterEach(async () => {
    await daemon.stop();
    await dir.remove();
  });

  const get = (...more: string[]): Promise<CliRun> =>
    run(['get', URL_OF_FILE, '-o', file, '--socket', daemon.socketPath, ...more]);

  describe('get', () => {
    it('writes the file, leaves nothing beside it and says where the bytes came from', async () => {
      const result = await get();
      expect(result).toMatchObject({ exitCode: 0, stderr: '' });
      expect(result.stdout).toContain('4.2 KiB from peers');
      expect(await readFile(file)).toEqual(behaviour.content);
      expect(await readdir(out)).toEqual(['file']);
    });

    it('passes on what names the task and what the origin is to be told', async () => {
      const digest = `sha256:${createHash('sha256').update(behaviour.content).digest('hex')}`;
      const line = `--tag t --application a --digest ${digest} --piece-length 4MiB --timeout 30s`;
      const result = await get(
        ...line.split(' '),
        '-H',
        'X-A: b: c',
        '--filtered-query-param',
        'k',
      );
      expect(result.exitCode).toBe(0);
      expect(daemon.downloads[0]).toMatchObject({
        url: URL_OF_FILE,
        tag: 't',
        application: 'a',
        digest,
        pieceLength: 4_194_304n,
        requestHeader: { 'X-A': 'b: c' },
        filteredQueryParams: ['k'],
        timeout: { seconds: 30n, nanos: 0 },
        needPieceContent: true,
        outputPath: undefined,
      });
    });

    it('prints one JSON document and nothing else', async () => {
      const result = await get('--json');
      expect(result.stderr).toBe('');
      expect(JSON.parse(result.stdout)).toMatchObject({
        task_id: TASK_ID,
        file,
        content_length: 4321,
        sources: { origin: 0, peers: 4321, local: 0 },
      });
    });

    it('draws a bar on a terminal and none with --no-progress', async () => {
      const argv = ['get', URL_OF_FILE, '-o', file, '--socket', daemon.socketPath];
      const drawn = await run(argv, { isTTY: true });
      expect(drawn.stderr).toContain('of 4.2 KiB');
      const silent = await run([...argv, '--overwrite', '--no-progress'], { isTTY: true });
      expect(silent).toMatchObject({ exitCode: 0, stderr: '' });
    });

    it('tells bytes of a copy that was here already from those that were fetched', async () => {
      behaviour.isHere = true;
      expect((await get()).stdout).toContain('4.2 KiB from this host');
    });

    it('writes an empty file', async () => {
      behaviour.content = Buffer.alloc(0);
      expect((await get()).exitCode).toBe(0);
      expect(await readFile(file)).toHaveLength(0);
    });

    it('takes a length that is only known at the end', async () => {
      behaviour.isLengthUnknown = true;
      expect((await get()).exitCode).toBe(0);
      expect(await readFile(file)).toEqual(behaviour.content);
    });

    it('keeps an existing file, unless told to replace it', async () => {
      await writeFile(file, 'mine');
      const refused = await get();
      expect(refused).toMatchObject({ exitCode: 1 });
      expect(refused.stderr).toContain('--overwrite');
      expect(await readFile(file, 'utf8')).toBe('mine');
      expect(daemon.downloads).toHaveLength(0);
      expect((await get('--overwrite')).exitCode).toBe(0);
      expect(await readFile(file)).toEqual(behaviour.content);
    });

    it('keeps a file that came into being during the download', async () => {
      behaviour.beforeContent = () => writeFile(file, 'mine');
      const result = await get();
      expect(result).toMatchObject({ exitCode: 1 });
      expect(result.stderr).toContain('FILE_EXISTS');
      expect(await readFile(file, 'utf8')).toBe('mine');
      expect(await readdir(out)).toEqual(['file']);
    });

    it.each<[string, Partial<FakeDaemonBehaviour>, string[], string]>([
      ['has another digest', {}, ['--digest', 'crc32:1'], 'DIGEST_MISMATCH'],
      ['is cut off', { toldLength: 5000 }, [], 'DAEMON_ANSWER_BROKEN'],
      [
        'fails half way',
        {
          failure: {
            afterChunks: 2,
            error: new DataCorruptionError('ORIGIN_CHANGED', 'It changed.'),
          },
        },
        [],
        'ORIGIN_CHANGED',
      ],
    ])('leaves nothing when the content %s', async (_name, change, more, code) => {
      Object.assign(behaviour, change);
      const result = await get('--json', ...more);
      expect(result.exitCode).toBe(1);
      expect(result.stderr).toContain(code);
      expect(JSON.parse(result.stdout)).toMatchObject({ error: { code } });
      expect(await readdir(out)).toEqual([]);
    });

    const leaseLost = new UnavailableError('LEASE_LOST', 'This host has lost its lease.');

    it('begins again, and says so, when the daemon loses its lease in the middle', async () => {
      behaviour.failure = { afterChunks: 2, error: leaseLost, times: 2 };
      const result = await get();
      expect(result).toMatchObject({ exitCode: 0 });
      expect(result.stderr.match(/lost its lease. Beginning again/g)).toHaveLength(2);
      expect(await readFile(file)).toEqual(behaviour.content);
      expect(await readdir(out)).toEqual(['file']);
    });

    it('gives up after the third time', async () => {
      behaviour.failure = { afterChunks: 2, error: leaseLost };
      const result = await get();
      expect(result).toMatchObject({ exitCode: 1 });
      expect(result.stderr).toContain('LEASE_LOST');
      expect(daemon.downloads).toHaveLength(DOWNLOAD_ATTEMPTS_MAX);
      expect(await readdir(out)).toEqual([]);
    });

    it('removes its part and cancels the call when interrupted', async () => {
      behaviour.hangs = true;
      const interrupt = new AbortController();
      const running = run(['get', URL_OF_FILE, '-o', file, '--socket', daemon.socketPath], {
        signal: interrupt.signal,
      });
      await eventually(async () => (await readdir(out)).length === 1, { timeoutMs: 5000 });
      expect((await readdir(out))[0]).toMatch(/^\.file\.pondhawk-part-[0-9a-f]{12}$/);
      interrupt.abort();
      const result = await running;
      expect(result).toMatchObject({ exitCode: 1 });
      expect(result.stderr).toContain('INTERRUPTED');
      expect(await readdir(out)).toEqual([]);
      await eventually(() => daemon.wasCancelled, { timeoutMs: 5000 });
    });

    it('gives up after its timeout', async () => {
      behaviour.hangs = true;
      const result = await get('--timeout', '300ms');
      expect(result).toMatchObject({ exitCode: 1 });
      expect(result.stderr).toContain('DEADLINE_EXCEEDED');
      expect(await readdir(out)).toEqual([]);
    });

    it('ends with 4 and says what to start when no daemon runs', async () => {
      const result = await run(['get', URL_OF_FILE, '-o', file], {
        env: { PONDHAWK_SOCKET: join(dir.path, 'none.sock') },
      });
      expect(result).toMatchObject({ exitCode: 4, stdout: '' });
      expect(result.stderr).toContain('pondhawk-peer --config');
      expect(result.stderr).toContain('none.sock');
      expect(await readdir(out)).toEqual([]);
    });

    it('names a folder that does not exist before it asks the daemon', async () => {
      const argv = [
        'get',
        URL_OF_FILE,
        '-o',
        join(out, 'no', 'file'),
        '--socket',
        daemon.socketPath,
      ];
      const result = await run(argv);
      expect(result.stderr).toContain('FOLDER_MISSING');
      expect(daemon.downloads).toHaveLength(0);
    });
  });

  describe('task', () => {
    const task = (...more: string[]): Promise<CliRun> =>
      run(['task', ...more, '--socket', daemon.socketPath]);

    beforeEach(() => {
      behaviour.copies.push(
        pondhawkV1.CopyRecord.fromPartial({
          taskId: TASK_ID,
          copyId: '01'.repeat(16),
          url: 'http://o/\u001b[2Jf',
          state: 'complete',
          contentLength: 5n,
          storedBytes: 5n,
          createdAt: new Date(0),
        }),
      );
    });

    it('ls shows copies, and what an origin called them cannot act', async () => {
      const result = await task('ls');
      expect(result.exitCode).toBe(0);
      expect(result.stdout).toContain(TASK_ID);
      expect(result.stdout).toContain('http://o/\\x1b[2Jf');
      expect(result.stdout).not.toContain('\u001b');
      const json: unknown = JSON.parse((await task('ls', '--json')).stdout);
      expect(json).toMatchObject({
        copies: [{ task_id: TASK_ID, content_length: 5, finished_at: null }],
      });
    });

    it.each([
      [{ isAllowed: true, leaseLeftMs: 3_200, isWaived: false }, '3.2 s left'],
      [{ isAllowed: true, leaseLeftMs: undefined, isWaived: false }, 'belongs to no cluster'],
      [{ isAllowed: true, leaseLeftMs: 0, isWaived: true }, 'as the cluster allows it'],
      [{ isAllowed: false, leaseLeftMs: 0, isWaived: false }, 'copies are not served'],
    ])('ls tells whether copies are served now: %j', async (serving, text) => {
      behaviour.serving = serving;
      expect((await task('ls')).stdout).toContain(text);
      const shown = {
        is_allowed: serving.isAllowed,
        lease_left_ms: serving.leaseLeftMs ?? null,
        is_waived: serving.isWaived,
      };
      expect(JSON.parse((await task('ls', '--json')).stdout)).toMatchObject({ serving: shown });
    });

    it('stat shows one task and fails for one that is not here', async () => {
      expect((await task('stat', TASK_ID)).stdout).toContain('complete');
      const other = await task('stat', 'cd'.repeat(32));
      expect(other).toMatchObject({ exitCode: 1 });
      expect(other.stderr).toContain('TASK_NOT_HERE');
    });

    it('rm says what went, and that absent is no failure', async () => {
      expect(await task('rm', TASK_ID)).toMatchObject({
        exitCode: 0,
        stdout: 'Deleted 1 copy, 5 B.\n',
      });
      expect(await task('rm', 'cd'.repeat(32), '--local')).toMatchObject({
        exitCode: 0,
        stdout: 'This host held nothing of it.\n',
      });
      expect(daemon.deleted).toEqual([TASK_ID, 'cd'.repeat(32)]);
    });

    it('refuses an id that is none, with the usage code', async () => {
      expect(await task('rm', '../../x')).toMatchObject({ exitCode: 2 });
      expect(daemon.deleted).toEqual([]);
    });
  });
});
