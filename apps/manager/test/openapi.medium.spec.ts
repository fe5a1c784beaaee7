import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { useTestManager } from './manager-harness.js';

const COMMITTED = join(__dirname, '..', 'openapi.json');

describe('openapi.json', () => {
  const manager = useTestManager();

  it('is what the controllers say; else run npm run openapi -w apps/manager', async () => {
    const { json } = await manager.get().request('GET', '/swagger/doc.json');
    expect(JSON.parse(await readFile(COMMITTED, 'utf8'))).toEqual(json);
  });

  it('can be tried in a browser', async () => {
    const { status, text } = await manager.get().request('GET', '/swagger');
    expect([status, text.includes('swagger-ui')]).toEqual([200, true]);
  });
});
