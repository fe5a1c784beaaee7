import { AskedHost } from '@pondhawk/testing';
import { FakeManager } from './fake-manager.js';
import { run, type CliRun } from './run-in-test.js';

const EPOCH = 'e'.repeat(32);
const TASKS = ['a', 'b', 'c'].map((digit) => digit.repeat(64));
const BYTES = Buffer.alloc(1_000, 'x');
/** An hour before the wall clock of the test. */
const PURGED_AT = new Date(1_760_000_000_000 - 3_600_000).toISOString();

const purge = (taskId: string, seq: number) => ({
  ...{ seq, log_epoch: EPOCH, scheduler_cluster_id: 1, task_id: taskId, job_id: 40 + seq },
  created_at: PURGED_AT,
});

describe('pondhawk audit', () => {
  let manager: FakeManager;
  let host: AskedHost;
  beforeEach(async () => {
    manager = new FakeManager();
    await manager.start();
    host = await AskedHost.start();
    manager.answers.set('GET /api/v1/clusters', [{ body: [{ id: 1 }] }]);
    log();
    peers({});
    job('ended');
  });
  afterEach(async () => {
    await host.stop();
    await manager.stop();
  });

  /** The whole log once, then the newest purge of the first task. */
  const log = (): void => {
    manager.answers.set('GET /api/v1/clusters/1/purge-log', [
      { body: [purge(TASKS[0]!, 3), purge(TASKS[1]!, 2), purge(TASKS[0]!, 1)] },
      { body: [purge(TASKS[0]!, 3)] },
    ]);
  };
  const peers = (facts: object): void => {
    const { ip, port, downloadPort } = host.record;
    const row = { host_name: 'h1', ip, port, download_port: downloadPort, state: 'active' };
    manager.answers.set('GET /api/v1/peers', [
      { body: [{ ...row, takes_leases: true, ...facts }] },
    ]);
  };
  const job = (phase: string): void => {
    manager.answers.set('GET /api/v1/jobs/43', [{ body: { id: 43, phase } }]);
  };
  const audit = (...argv: string[]): Promise<CliRun> =>
    run(['audit', ...argv], { env: { PONDHAWK_MANAGER: manager.url } });
  const serve = (facts: object): void => {
    Object.assign(host, { task: TASKS[0], plain: BYTES, ...facts });
  };
  const copyAt = (filledAt: number) => ({ copyId: 'd'.repeat(32), logEpoch: EPOCH, filledAt });

  it('ends with 0 when no host serves anything, each task asked for once', async () => {
    const { exitCode, stdout } = await audit();
    expect(exitCode).toBe(0);
    expect(stdout).toContain('1 hosts asked for 2 of 2 purged tasks: 1 clean, 0 serves');
    expect(host.asked).toHaveLength(2);
  });

  it('ends with 1 when a host serves what was purged, and names it, the task and how long ago', async () => {
    serve({});
    const { exitCode, stdout } = await audit();
    expect(exitCode).toBe(1);
    expect(stdout).toContain(
      `h1 SERVES task ${TASKS[0]!}, purged 1h00m ago (number 3, job 43): 1000 of the 1000 bytes of piece 0 came.`,
    );
    log();
    const { stdout: json } = await audit('--json');
    expect(JSON.parse(json)).toMatchObject({
      counts: { serves: 1 },
      hosts: [
        {
          state: 'serves',
          asked: 2,
          clean: 1,
          findings: [{ kind: 'serves', task_id: TASKS[0], seq: 3, age_seconds: 3_600 }],
        },
      ],
    });
  });

  it('finds a copy that was begun before the newest purge of its task', async () => {
    serve({ says: copyAt(2), guarded: BYTES });
    expect((await audit()).exitCode).toBe(1);
  });

  it('lets a copy pass that was fetched anew', async () => {
    serve({ says: copyAt(3), guarded: BYTES });
    const { exitCode, stdout } = await audit('--json');
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ hosts: [{ newer_copies: 1, clean: 1 }] });
  });

  it('accuses nobody of what is being deleted', async () => {
    serve({ says: copyAt(2), guarded: BYTES });
    job('running');
    const { exitCode, stdout } = await audit('--json');
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ hosts: [{ state: 'clean', under_way: 1 }] });
  });

  it('takes a job that is forgotten for one that has ended', async () => {
    serve({});
    const body = { message: 'There is no job 43.', code: 'JOB_NOT_FOUND' };
    manager.answers.set('GET /api/v1/jobs/43', [{ status: 404, body }]);
    expect((await audit()).exitCode).toBe(1);
  });

  it('ends with 3 where a daemon of another make says that it holds the task', async () => {
    serve({ listsPiece: true });
    peers({ takes_leases: false });
    const { exitCode, stdout } = await audit();
    expect(exitCode).toBe(3);
    expect(stdout).toContain('h1 holds task');
  });

  it.each([
    ['active', 3, 'unreachable'],
    ['inactive', 0, 'away'],
  ])('ends with a host that does not answer and is %s with %i', async (state, code, shown) => {
    peers({ state, port: 1, download_port: 1 });
    const { exitCode, stdout } = await audit('--json');
    expect(exitCode).toBe(code);
    expect(JSON.parse(stdout)).toMatchObject({ hosts: [{ state: shown, asked: 0 }] });
  });

  it('takes a sample, and only of what was purged lately if told so', async () => {
    const one = await audit('--sample', '1', '--json');
    expect(JSON.parse(one.stdout)).toMatchObject({ sampled_tasks: 1, hosts: [{ asked: 1 }] });
    log();
    const none = await audit('--since', '30m');
    expect(none).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining('0 hosts') as string,
    });
  });

  it('ends with 2 for an option that means nothing, and with 4 without a manager', async () => {
    expect((await audit('--sample', 'x')).exitCode).toBe(2);
    const options = ['--manager', 'http://127.0.0.1:1'];
    expect((await audit(...options)).exitCode).toBe(4);
  });
});
