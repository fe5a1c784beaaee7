import { join } from 'node:path';
import { FAULT_POINTS, type FaultPoint } from '@pondhawk/core';
import { eventually, runCommand } from '@pondhawk/testing';
import { PROJECT_DIR, Stage, type Content } from './stage.js';

const MIB = 1024 * 1024;
const SIZE_BYTES = 16 * MIB;
const FILL = FAULT_POINTS.filter((point) => point.startsWith('peer.fill.'));
const DELETE = FAULT_POINTS.filter((point) => point.startsWith('peer.delete.'));
/** Each of these peers dies at one point. */
const POINTS = [...FILL, ...DELETE];
/** The peer after those dies by the test's hand. */
const ORDINARY = `peer-${POINTS.length + 1}`;
/** What a daemon ends with when its settings or surroundings do not let it start. */
const EXIT_REFUSED = 2;
const NOTHING = { copies: 0, pieces: 0 };

describe('A peer that is killed', () => {
  let stage: Stage;

  beforeAll(async () => {
    const env = POINTS.map((point) => [
      peerOf(point),
      { NODE_ENV: 'test', PONDHAWK_FAULT: `${point}:kill` },
    ]);
    stage = await Stage.open({
      schedulers: 1,
      seeds: 0,
      peers: POINTS.length + 1,
      env: Object.fromEntries(env) as Record<string, Record<string, string>>,
    });
  }, 120_000);
  afterAll(async () => stage.close(), 30_000);

  describe('at a step of a download', () => {
    it.each(FILL)(
      'has the right bytes at the next one: %s',
      async (point) => {
        const peer = peerOf(point);
        const content = stage.serve(SIZE_BYTES);
        await stage.get(peer, content.url).catch(() => undefined); // The last step lies behind the bytes.
        await expectKilled(peer);
        const host = await stage.cluster.restart(peer);
        expect(await stage.filesOf(host)).toHaveLength(stage.rowsOf(host).copies);
        expect(await stage.get(peer, content.url)).toBe(content.sha256);
        expect(await stage.filesOf(host)).toHaveLength(1);
        expect(stage.rowsOf(host).copies).toBe(1);
        await clear(peer, content);
        expect([await stage.filesOf(host), stage.rowsOf(host)]).toEqual([[], NOTHING]);
      },
      60_000,
    );

    it('takes less than 60 % from the origin again when it had half', async () => {
      const content = stage.serveHeld(4 * SIZE_BYTES);
      const host = stage.cluster.record(ORDINARY);
      const broken = stage.get(ORDINARY, content.url).catch(() => undefined);
      const half = content.body.length / 2;
      await eventually(() => storedBytes(content) >= half, { timeoutMs: 20_000 });
      await stage.kill(ORDINARY);
      await broken;
      content.release();
      await stage.cluster.restart(ORDINARY);
      const before = stage.origin.sentBytes;
      expect(await stage.get(ORDINARY, content.url)).toBe(content.sha256);
      expect(stage.origin.sentBytes - before).toBeLessThan(0.6 * content.body.length);
      expect(await stage.filesOf(host)).toHaveLength(1);
    }, 60_000);
  });

  describe('at a step of a deletion', () => {
    it.each(DELETE)(
      'has nothing of it after its restart: %s',
      async (point) => {
        const peer = peerOf(point);
        const content = stage.serve(SIZE_BYTES);
        await stage.get(peer, content.url);
        await clear(peer, content).catch(() => undefined); // The last step lies behind the answer.
        await expectKilled(peer);
        const host = await stage.cluster.restart(peer);
        expect([await stage.filesOf(host), stage.rowsOf(host)]).toEqual([[], NOTHING]);
        const before = stage.origin.sentBytes;
        expect(await stage.get(peer, content.url)).toBe(content.sha256);
        expect(stage.origin.sentBytes - before).toBeGreaterThanOrEqual(content.body.length);
      },
      60_000,
    );
  });

  describe('never, while a second one is started in its folder', () => {
    it.each([
      [ORDINARY, 'peer'],
      ['manager', 'manager'],
    ])(
      '%s lives on, and the second is refused by name',
      async (name, app) => {
        const second = await runCommand(
          process.execPath,
          [
            join(PROJECT_DIR, 'apps', app, 'bin', `pondhawk-${app}.js`),
            '--config',
            join(stage.folder.path, 'config', `${name}.yaml`),
          ],
          { timeoutMs: 20_000 },
        );
        expect(second.code).toBe(EXIT_REFUSED);
        expect(second.stderr).toContain('DATA_FOLDER_IN_USE');
        expect(second.stderr).toContain(stage.cluster.record(name).dataDir);
        expect(stage.cluster.getProcess(name).getEnd()).toBeUndefined();
        const content = stage.serve(MIB);
        expect(await stage.get(ORDINARY, content.url)).toBe(content.sha256);
        expect((await stage.runJob({ type: 'get_task', args: { url: content.url } })).state).toBe(
          'SUCCESS',
        );
      },
      60_000,
    );
  });

  /** A peer whose fault was never reached lives, and that is a failure. */
  async function expectKilled(peer: string): Promise<void> {
    await eventually(
      () => expect(stage.cluster.getProcess(peer).getEnd()?.signal).toBe('SIGKILL'),
      { timeoutMs: 5_000 },
    );
  }

  /** Bytes of a content in pieces that are whole on the ordinary peer's disk. */
  function storedBytes(content: Content): number {
    return stage.storedBytesOf(stage.cluster.record(ORDINARY), content.url);
  }

  /** Deletes a task on this one host, by the command of a user. */
  async function clear(peer: string, { url }: Content): Promise<void> {
    const socket = ['--socket', stage.socketOf(peer)];
    const listed = await stage.pondhawk('task', 'ls', '--json', ...socket);
    const { copies } = JSON.parse(listed.stdout) as { copies: { task_id: string; url: string }[] };
    const taskId = copies.find((copy) => copy.url === url)?.task_id ?? 'not held';
    const result = await stage.pondhawk('task', 'rm', taskId, ...socket);
    if (result.code !== 0) throw new Error(`task rm: ${result.stderr}`);
  }
});

function peerOf(point: FaultPoint): string {
  return `peer-${POINTS.indexOf(point) + 1}`;
}
