import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { eventually, makeTempDir, type TempDir } from '@pondhawk/testing';
import { startTestManager } from './manager-harness.js';

const STARTS = 10;

describe('the manager', () => {
  let dir: TempDir;

  beforeEach(async () => {
    dir = await makeTempDir();
  });

  afterEach(async () => {
    await dir.remove();
  });

  it('starts and stops ten times on one folder and leaves no handle open', async () => {
    const handlesBefore = openHandles();
    for (let count = 0; count < STARTS; count++) {
      const manager = await startTestManager({ dataDir: dir.path });
      const { status } = await manager.request('GET', '/healthy');
      expect(status).toBe(200);
      await manager.stop();
    }
    // Closed handles leave the event loop a turn later.
    await eventually(() => expect(openHandles()).toEqual(handlesBefore), { timeoutMs: 5_000 });
  }, 60_000);

  it('writes where it listens, and says where to sign in', async () => {
    const manager = await startTestManager({ dataDir: dir.path });
    const file = await readFile(join(dir.path, 'addresses.json'), 'utf8');
    expect(JSON.parse(file)).toEqual({ pid: process.pid, addresses: manager.running.addresses });
    const front = await manager.request('GET', '/');
    expect(front.json.sign_in).toBe('POST /api/v1/users/signin');
    expect(manager.log.withMessage('ready')).toHaveLength(1);
    await manager.stop();
  });
});

/** Kinds of handles that a server, a timer or a connection would leave behind. */
function openHandles(): string[] {
  const kinds = ['TCPServerWrap', 'Timeout', 'PipeServerWrap'];
  return process
    .getActiveResourcesInfo()
    .filter((kind) => kinds.includes(kind))
    .sort();
}
