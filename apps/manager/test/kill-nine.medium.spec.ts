import { readFile } from 'node:fs/promises';
import { NatsServer } from '@pondhawk/messaging/testing';
import { describeWithTool, eventually, makeTempDir, type TempDir } from '@pondhawk/testing';
import { EventClient } from './event-client.js';
import { FakeScheduler, deletesEverywhere, enrolReported } from './fake-scheduler.js';
import { aTarget } from './ledger-fixtures.js';
import { spawnManager, startManagerProcess, type ManagerProcess } from './manager-process.js';

const A_DELETE = { body: { type: 'delete_task', args: { task_id: 'c'.repeat(64) } } };
// A report that the dead process had taken is delivered again after 30 s.
const RECOVERY_MS = 60_000;
const TEST_MS = 120_000;

describeWithTool('nats-server', 'a manager killed with -9', () => {
  let dir: TempDir;
  let nats: NatsServer;
  let manager: ManagerProcess | undefined;
  let scheduler: FakeScheduler | undefined;

  beforeEach(async () => {
    dir = await makeTempDir();
    nats = await NatsServer.start();
  }, 30_000);

  afterEach(async () => {
    await scheduler?.stop();
    await manager?.stop();
    scheduler = undefined;
    manager = undefined;
    await nats.dispose();
    await dir.remove();
  }, 30_000);

  it.each([
    'manager.job.committed',
    'manager.outbox.read',
    'manager.outbox.published',
    'manager.outbox.marked-sent',
    'manager.job.answer-sent',
    'manager.report.received',
    'manager.report.committed',
    'manager.job.end-committed',
  ])(
    'at %s finishes the job after its restart, and the job exists once',
    async (fault) => {
      const first = await startManagerProcess({ dir: dir.path, natsUrl: nats.url, fault });
      scheduler = await FakeScheduler.start(first, nats.url, deletesEverywhere(3));
      await enrolReported(first, scheduler, 3);
      await first.request('POST', '/api/v1/jobs', A_DELETE).catch(() => undefined);
      expect(await first.process.ended).toEqual({ code: null, signal: 'SIGKILL' });
      first.fleet.close();

      const restarted = await startManagerProcess({ dir: dir.path, natsUrl: nats.url });
      manager = restarted;
      await eventually(
        async () => {
          const { json } = await restarted.request('GET', '/api/v1/jobs/1?wait=0');
          return json.state === 'SUCCESS' && json.result.counts.deleted === 3;
        },
        { timeoutMs: RECOVERY_MS },
      );
      expect((await restarted.request('GET', '/api/v1/jobs')).json).toHaveLength(1);
    },
    TEST_MS,
  );

  it(
    'leaves nobody behind who follows a job: what was committed is told after the restart, once',
    async () => {
      const follow = ({ restUrl, authorization }: ManagerProcess, lastEventId?: string) =>
        EventClient.open(`${restUrl}/api/v1/jobs/1/events`, { authorization, lastEventId });
      const fault = 'manager.report.committed';
      const first = await startManagerProcess({ dir: dir.path, natsUrl: nats.url, fault });
      scheduler = await FakeScheduler.start(first, nats.url, () => []);
      await enrolReported(first, scheduler, 1);
      await first.request('POST', '/api/v1/jobs', A_DELETE);
      const client = await follow(first);
      await eventually(() => client.events.length > 0 && scheduler!.orders.length === 1, {
        timeoutMs: RECOVERY_MS,
      });
      const report = { targets: [aTarget(1, 'deleted')] as never, is_last: true };
      await scheduler.report(scheduler.orders[0]!, report);
      await client.ended; // With or without the last events: it was killed right after their commit.
      first.fleet.close();

      manager = await startManagerProcess({ dir: dir.path, natsUrl: nats.url });
      const resumed = await follow(manager, client.lastId);
      await resumed.ended;
      const told = [...client.names, ...resumed.names];
      expect(told.filter((name) => name === 'job-ended')).toEqual(['job-ended']);
      expect(told.at(-1)).toBe('job-ended');
    },
    TEST_MS,
  );

  it(
    'leaves a folder that one manager at a time can use',
    async () => {
      manager = await startManagerProcess({ dir: dir.path, natsUrl: nats.url });
      const second = spawnManager({ dir: dir.path, natsUrl: nats.url });
      expect((await second.ended).code).toBe(2);
      expect(await readFile(manager.logFile, 'utf8')).toContain('DATA_FOLDER_IN_USE');
      expect((await manager.request('GET', '/healthy')).text).toBe('"OK"');
    },
    TEST_MS,
  );

  it(
    'is not needed: SIGTERM ends it in order',
    async () => {
      const running = await startManagerProcess({ dir: dir.path, natsUrl: nats.url });
      running.fleet.close();
      running.process.kill('SIGTERM');
      expect(await running.process.ended).toEqual({ code: 0, signal: null });
      expect(await readFile(running.logFile, 'utf8')).not.toContain('"level":"error"');
    },
    TEST_MS,
  );
});
