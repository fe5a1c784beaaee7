import { readFile } from 'node:fs/promises';
import { NatsServer } from '@pondhawk/messaging/testing';
import { describeWithTool, eventually, makeTempDir, type TempDir } from '@pondhawk/testing';
import { startManagerProcess, type ManagerProcess } from './manager-process.js';

// Its own waits are at most 5 s each; well below the 25 s at which it would be cut.
const STOP_MS = 12_000;
const TEST_MS = 60_000;

describeWithTool('nats-server', 'a manager told to stop', () => {
  let dir: TempDir;
  let nats: NatsServer;
  let manager: ManagerProcess;

  beforeEach(async () => {
    dir = await makeTempDir();
    nats = await NatsServer.start();
    manager = await startManagerProcess({ dir: dir.path, natsUrl: nats.url });
    manager.fleet.close();
    await eventually(
      async () => expect((await manager.request('GET', '/readyz')).status).toBe(200),
      { timeoutMs: 10_000 },
    );
  }, 30_000);

  afterEach(async () => {
    await manager.stop();
    await nats.dispose();
    await dir.remove();
  }, 30_000);

  it.each(['SIGKILL', 'SIGTERM', 'SIGSTOP'] as const)(
    'while the broker gets %s ends in order, with exit code 0',
    async (signal) => {
      process.kill(nats.pid, signal);
      manager.process.kill('SIGTERM');
      const killer = setTimeout(() => manager.process.kill('SIGKILL'), STOP_MS);
      expect(await manager.process.ended).toEqual({ code: 0, signal: null });
      clearTimeout(killer);
      expect(await readFile(manager.logFile, 'utf8')).not.toContain('"level":"error"');
    },
    TEST_MS,
  );

  it(
    'ends at once when told twice',
    async () => {
      process.kill(nats.pid, 'SIGSTOP');
      manager.process.kill('SIGTERM');
      await eventually(
        async () => expect(await readFile(manager.logFile, 'utf8')).toContain('stopping'),
        { timeoutMs: 10_000 },
      );
      manager.process.kill('SIGTERM');
      expect(await manager.process.ended).toEqual({ code: 1, signal: null });
    },
    TEST_MS,
  );
});
