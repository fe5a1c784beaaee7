import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { DATABASE_FILE } from '../src/ledger-access/data-folder.js';
import {
  startTestManager,
  useTestManager,
  type Answer,
  type TestManager,
} from './manager-harness.js';

const post = (manager: TestManager, path = '/api/v1/jobs', body: object = aDelete(1)) =>
  manager.request('POST', path, { body });
const aDelete = (index: number) => ({
  type: 'delete_task',
  args: { task_id: index.toString(16).padStart(64, '0') },
});
const heads = async (manager: TestManager) =>
  ((await manager.request('GET', '/api/v1/clusters/1/purge-log')).json as unknown[]).length;

describe('A ledger that another program has locked', () => {
  const manager = useTestManager();

  it('refuses what would write, says that it may come again, and has written nothing of it', async () => {
    const other = new Database(join(manager.get().dataDir, DATABASE_FILE));
    const before = manager.get().countRows();
    other.exec('BEGIN IMMEDIATE');
    let refused: readonly Answer[];
    try {
      const batch = { jobs: [aDelete(2), aDelete(3)] };
      refused = await Promise.all([
        post(manager.get()),
        post(manager.get(), '/api/v1/jobs/batch', batch),
      ]);
      // Who only reads waits for nobody.
      expect((await manager.get().request('GET', '/api/v1/jobs')).status).toBe(200);
    } finally {
      other.exec('ROLLBACK');
      other.close();
    }
    const [single, batch] = refused;
    expect([single?.status, single?.json.code]).toEqual([503, 'DATABASE_BUSY']);
    expect(batch?.text).toContain('DATABASE_BUSY');
    expect(batch?.text).not.toContain('"id"');
    expect(manager.get().countRows()).toEqual(before);
    expect((await post(manager.get())).status).toBe(200);
    expect(await heads(manager.get())).toBe(1);
  }, 60_000);
});

describe('A ledger on a full disk', () => {
  const dir = mkdtempSync(join(tmpdir(), 'ph-full-'));
  const isMounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'none', dir]).status === 0;
  const onTmpfs = isMounted ? it : it.skip;
  afterAll(() => {
    if (isMounted) spawnSync('umount', ['-l', dir]);
    rmSync(dir, { recursive: true, force: true });
  });

  onTmpfs(
    'refuses with DISK_FULL, keeps what it had, and goes on when there is room (needs mount)',
    async () => {
      const manager = await startTestManager({ dataDir: join(dir, 'manager') });
      const kept = await post(manager);
      expect(kept.status).toBe(200);
      const ballast = join(dir, 'ballast');
      const { bavail, bsize } = statfsSync(dir);
      writeFileSync(ballast, Buffer.alloc(bavail * bsize));
      const answers: Answer[] = [];
      // Files have some room of their own still.
      while (answers.length < 2_000 && (answers.at(-1)?.status ?? 200) === 200) {
        answers.push(await post(manager, '/api/v1/jobs', aDelete(answers.length + 2)));
      }
      expect([answers.at(-1)?.status, answers.at(-1)?.json.code]).toEqual([503, 'DISK_FULL']);
      rmSync(ballast);
      expect((await post(manager, '/api/v1/jobs', aDelete(9_999))).status).toBe(200);
      const accepted = 2 + answers.filter(({ status }) => status === 200).length;
      expect(manager.countRows()['jobs']).toBe(accepted);
      expect((await manager.request('GET', `/api/v1/jobs/${kept.json.id}?wait=0`)).status).toBe(
        200,
      );
      await manager.stop();
      const again = await startTestManager({ dataDir: join(dir, 'manager') });
      expect(again.countRows()['jobs']).toBe(accepted);
      await again.stop();
    },
    90_000,
  );
});
