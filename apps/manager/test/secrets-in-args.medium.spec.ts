import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { useTestManager } from './manager-harness.js';

const SECRET = 'p4ssw0rd-of-the-test';
const JOBS = '/api/v1/jobs';
const url = `https://user:${SECRET}@origin.test/file?X-Amz-Signature=${SECRET}&token=${SECRET}&n=1`;
const SHOWN = 'https://***@origin.test/file?X-Amz-Signature=***&token=***&n=1';

describe('secrets in the args of jobs', () => {
  const manager = useTestManager();
  const texts = (): string[] => {
    const { dataDir } = manager.get();
    const names = readdirSync(dataDir, { recursive: true, withFileTypes: true });
    return names
      .filter((entry) => entry.isFile())
      .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'latin1'));
  };

  it.each(['delete_task', 'get_task'])(
    'are in no answer, file or log line of a %s, and the task is still the one of the whole URL',
    async (type) => {
      const { request, log } = manager.get();
      const plain = await request('POST', JOBS, { body: { type, args: { url: SHOWN } } });
      const headers = { 'idempotency-key': type };
      const made = await request('POST', JOBS, { body: { type, args: { url } }, headers });
      expect(made.json.args.url).toBe(SHOWN);
      expect(made.json.args.task_id).not.toBe(plain.json.args.task_id);
      const content = { content_for_calculating_task_id: url };
      const batch = {
        jobs: [
          { type, args: { url } },
          { type, args: content },
        ],
      };
      const lines = await request('POST', `${JOBS}/batch`, { body: batch });
      const bad = { ...batch.jobs[0], args: { url, tag: 7 } };
      const answers = [
        made,
        lines,
        await request('POST', JOBS, { body: bad }),
        await request('GET', `${JOBS}/${made.json.id}?wait=0`),
        await request('GET', JOBS),
        await request('GET', '/api/v1/audits'),
      ];
      for (const { json } of answers) expect(JSON.stringify(json)).not.toContain(SECRET);
      expect(texts().join('')).toContain(SHOWN);
      expect(texts().filter((text) => text.includes(SECRET))).toEqual([]);
      expect(JSON.stringify(log.lines)).not.toContain(SECRET);
    },
  );
});
