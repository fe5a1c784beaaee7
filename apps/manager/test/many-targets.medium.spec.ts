import { join } from 'node:path';
import Database from 'better-sqlite3';
import { DATABASE_FILE } from '../src/ledger-access/data-folder.js';
import { aHost } from './ledger-fixtures.js';
import { useTestManager, type Answer } from './manager-harness.js';

const COUNT = 100_000;
const PER_PAGE = 5_000;

describe('A job with 100,000 targets', () => {
  const manager = useTestManager();
  let jobId: number;

  beforeAll(async () => {
    const body = { type: 'delete_task', args: { task_id: 'a'.repeat(64) } };
    jobId = (await manager.get().request('POST', '/api/v1/jobs', { body })).json.id as number;
    const db = new Database(join(manager.get().dataDir, DATABASE_FILE));
    db.prepare(
      `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${COUNT})
       INSERT INTO targets (job_id, node, scheduler_cluster_id, order_id, host_id, host_name, ip, host,
         outcome, try_number, attempts, code, message, deleted_bytes, started_at_ms, ended_at_ms, held_count)
       SELECT orders.job_id, 'host:' || i, orders.scheduler_cluster_id, orders.id, 'id' || i,
         printf('h%06d', i), '10.0.0.1', @host, CASE WHEN i % 1000 = 0 THEN 'failed' ELSE 'deleted' END,
         1, 1, '', '', 7, 1, 2, 0 FROM n, orders WHERE orders.job_id = @jobId`,
    ).run({ host: JSON.stringify(aHost(1)), jobId });
    db.close();
  }, 60_000);

  const page = (query: string): Promise<Answer> =>
    manager.get().request('GET', `/api/v1/jobs/${jobId}/targets?${query}`);

  it('is paged in order, each target once, and the last page is named', async () => {
    const seen: string[] = [];
    for (let number = 1; number <= COUNT / PER_PAGE; number += 1) {
      const answer = await page(`page=${number}&per_page=${PER_PAGE}`);
      expect(answer.headers.get('link')).toContain(`page=${COUNT / PER_PAGE}`);
      seen.push(...(answer.json as { node: string }[]).map(({ node }) => node));
    }
    expect(seen).toEqual(Array.from({ length: COUNT }, (_, index) => `host:${index + 1}`));
    expect((await page(`page=${COUNT / PER_PAGE + 1}&per_page=${PER_PAGE}`)).json).toEqual([]);
  }, 60_000);

  it('is counted in its answer, which lists a bounded part of them, and filtered by outcome', async () => {
    const { json } = await manager.get().request('GET', `/api/v1/jobs/${jobId}?wait=0`);
    expect(json.result.counts).toMatchObject({ targets: COUNT, deleted: COUNT - 100, failed: 100 });
    expect(json.result.deleted_bytes).toBe(7 * COUNT);
    expect(json.result.success_peers).toHaveLength(1_000);
    const failed = await page('outcome=failed&per_page=1000');
    expect(failed.json).toHaveLength(100);
  }, 60_000);
});
