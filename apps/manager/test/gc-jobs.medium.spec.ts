import { join } from 'node:path';
import { makeTempDir, type TempDir } from '@pondhawk/testing';
import { DATABASE_FILE } from '../src/ledger-access/data-folder.js';
import { LedgerWriter, openLedger } from '../src/ledger/index.js';
import { startTestManager, type TestManager } from './manager-harness.js';
import { MemoryWitness, OPEN_OPTIONS, aJob } from './ledger-fixtures.js';

const HOUR_MS = 3_600_000;
const DAY_NS = 24 * HOUR_MS * 1_000_000;
const AN_AUDIT = {
  ...({ actorType: 'USER', actorName: 'root', remoteIp: '127.0.0.1', operation: 'POST' } as const),
  ...({ path: '/old', object: 'jobs', selector: '', state: 'SUCCESS', statusCode: 200 } as const),
  result: '',
};

describe('jobs of type gc over REST', () => {
  let dir: TempDir;
  let manager: TestManager;

  beforeEach(async () => {
    dir = await makeTempDir();
    manager = await startTestManager({ dataDir: dir.path });
  }, 30_000);
  afterEach(async () => {
    await manager.stop();
    await dir.remove();
  });

  const post = (body: object, headers = {}) =>
    manager.request('POST', '/api/v1/jobs', { body, headers });
  const writer = () => manager.running.app.get(LedgerWriter, { strict: false });

  /** A job that ended 60 days ago. */
  const anOldJob = async () => {
    const atMs = Date.now() - 60 * 24 * HOUR_MS;
    // Together, lest the manager's own sweep ends it today.
    const [{ jobId }] = await Promise.all([
      writer().execute('accept-job', aJob({ atMs, clusterIds: [1] })),
      writer().execute('expire-jobs', { atMs: atMs + 60_000 }),
    ]);
    return jobId;
  };

  it('are over when they are answered, and say how much was removed', async () => {
    // Within what the sweeper leaves: a job of 8 days, while the config keeps 30.
    const config = (await manager.request('GET', '/api/v1/configs')).json[0] as { id: number };
    const value = JSON.stringify({ audit: { ttl: 400 * DAY_NS }, job: { ttl: 100 * DAY_NS } });
    const patch = (text: string) =>
      manager.request('PATCH', `/api/v1/configs/${config.id}`, { body: { value: text } });
    expect((await patch(value)).status).toBe(200);
    const old = await anOldJob();
    const none = await post({ type: 'gc', args: { type: 'job' } });
    expect(none.json).toMatchObject({
      ...{ type: 'gc', state: 'SUCCESS', phase: 'ended', scheduler_clusters: [] },
      args: { type: 'job', ttl: 100 * DAY_NS },
      result: { state: 'SUCCESS', outcome: 'complete', purged: 0, job_states: [] },
    });
    await patch(value.replace(String(100 * DAY_NS), String(30 * DAY_NS)));
    const { status, json } = await post({ type: 'gc', args: { type: 'job' }, bio: 'tidy' });
    expect([status, json.result.purged, json.bio]).toEqual([200, 1, 'tidy']);
    expect((await manager.request('GET', `/api/v1/jobs/${old}`)).status).toBe(404);
    const listed = await manager.request('GET', '/api/v1/jobs?page=1&per_page=10000000&type=gc');
    const jobs = listed.json as { id: number }[];
    expect(jobs.map(({ id }) => id)).toEqual([json.id, none.json.id]);
    expect(jobs[0]).toEqual({ ...json, result: { ...json.result, job_states: [] } });
  });

  it('of audits remove from the beginning of the log alone, and are audited themselves', async () => {
    const yearAgoMs = Date.now() - 80 * 24 * HOUR_MS;
    // Behind audits of today: the oldest decides, so nothing goes.
    await writer().execute('append-audits', { atMs: yearAgoMs, entries: [AN_AUDIT] });
    expect((await post({ type: 'gc', args: { type: 'audit' } })).json.result.purged).toBe(0);
    const all = await manager.request('GET', '/api/v1/audits?after=0&per_page=1000');
    const entries = all.json as { path: string }[];
    expect(entries.map(({ path }) => path)).toContain('/old');
    const listed = await manager.request('GET', '/api/v1/audits?page=1&per_page=1');
    expect(listed.json[0]).toMatchObject({ path: '/api/v1/jobs', selector: 'gc kind=audit' });
  });

  it('name the field that is wrong, and take no ttl from who orders them', async () => {
    for (const type of [undefined, null, '', 'scheduler', 7, {}]) {
      const { status, json } = await post({ type: 'gc', args: { type } });
      expect([status, json.details.field]).toEqual([422, 'args.type']);
    }
    const { json, headers } = await post({ type: 'gc', args: { type: 'job', ttl: 1 } });
    expect(json.args.ttl).toBe(7 * DAY_NS);
    expect(headers.get('warning')).toContain('args.ttl');
  });

  it('go on after a restart with what was ordered before', async () => {
    await manager.stop();
    const job = aJob({
      ...{ type: 'gc' as const, atMs: Date.now(), args: { type: 'job' } },
      orderArgs: { gc: { kind: 'job', ageMsMax: HOUR_MS } },
    });
    const path = join(dir.path, DATABASE_FILE);
    const options = { ...OPEN_OPTIONS, witness: new MemoryWitness() };
    const ledger = await openLedger({ type: 'sqlite', path }, options);
    const { jobId } = await ledger.writer.execute('accept-job', job);
    await ledger.close();
    manager = await startTestManager({ dataDir: dir.path });
    const seen = await manager.request('GET', `/api/v1/jobs/${jobId}?wait=20s`);
    expect(seen.json).toMatchObject({ phase: 'ended', state: 'SUCCESS' });
    const retry = await manager.request('POST', `/api/v1/jobs/${jobId}/retry`);
    expect([retry.status, retry.json.code]).toEqual([409, 'NOTHING_TO_RETRY']);
  }, 40_000);
});
