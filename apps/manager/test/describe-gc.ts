import { verifyAudits } from '@pondhawk/core';
import { AGED_JOBS_MAX, AGED_ROWS_MAX } from '../src/ledger/commands/remove-aged.js';
import type { AcceptJob, GcOrder, Ledger } from '../src/ledger/index.js';
import { anEntry } from './describe-audits.js';
import { START_MS, aJob, expireAll, startSchedulers } from './ledger-fixtures.js';

const HOUR_MS = 3_600_000;
const NO_EVENT = { number: 0, ordinal: 0 };

/** Clean-up as a job. */
export function describeGc(get: () => Ledger): void {
  const aGc = (gc: GcOrder, facts: Partial<AcceptJob> = {}): AcceptJob =>
    aJob({ type: 'gc', args: { type: gc.kind }, orderArgs: { gc }, ...facts });
  const order = async (gc: GcOrder, facts: Partial<AcceptJob> = {}) =>
    (await get().writer.execute('accept-job', aGc(gc, facts))).jobId;
  const run = (jobId: number, atMs: number) => get().writer.execute('run-gc', { atMs, jobId });
  const expire = (atMs: number) => expireAll(get(), atMs);
  const find = async (jobId: number) => (await get().reader.findJob(jobId))!;
  const jobs = { kind: 'job', ageMsMax: HOUR_MS } as const;
  const audits = { kind: 'audit', ageMsMax: HOUR_MS } as const;

  describe('a clean-up that was ordered', () => {
    it('removes old jobs that have ended, in bounded parts, and counts them', async () => {
      await startSchedulers(get(), 1);
      const spec = { ...aJob().spec, timeoutMs: 100 * HOUR_MS };
      const { jobId: unfinished } = await get().writer.execute('accept-job', aJob({ spec }));
      for (let count = 0; count <= AGED_JOBS_MAX; count += 1) {
        await get().writer.execute('accept-job', aJob());
      }
      await expire(START_MS + 60_000);
      const atMs = START_MS + 90_000 + HOUR_MS;
      const jobId = await order(jobs, { atMs });
      expect(await find(jobId)).toMatchObject({
        ...{ clusters: [], job: { type: 'gc', state: 'PENDING', phase: 'accepted' } },
      });
      expect(await run(jobId, atMs)).toEqual({ kind: 'job', removedCount: AGED_JOBS_MAX });
      expect((await find(jobId)).job).toMatchObject({
        ...{ phase: 'running', purgedCount: AGED_JOBS_MAX },
      });
      expect(await run(jobId, atMs)).toMatchObject({
        ...{ removedCount: 1, ended: { state: 'SUCCESS', outcome: 'complete' } },
      });
      expect((await find(jobId)).job.purgedCount).toBe(AGED_JOBS_MAX + 1);
      expect((await find(unfinished)).job.phase).toBe('accepted');
      const left = await get().reader.listJobs({}, { page: 1, perPage: 10 });
      expect(left.items.map(({ job }) => job.id)).toEqual([jobId, unfinished]);
      const events = await get().reader.listEvents(jobId, { after: NO_EVENT, limit: 9 });
      expect(events.map(({ kind }) => kind)).toEqual([
        ...['job-accepted', 'job-running', 'job-ended'],
      ]);
    });

    it('leaves jobs alone that ended within the age', async () => {
      await get().writer.execute('accept-job', aJob());
      await expire(START_MS + 60_000);
      const jobId = await order(jobs, { atMs: START_MS + 60_000 });
      expect(await run(jobId, START_MS + 59_000 + HOUR_MS)).toMatchObject({ removedCount: 0 });
      expect((await get().reader.listJobs({}, { page: 1, perPage: 9 })).totalCount).toBe(2);
    });

    it('of audits leaves one chain that can be checked', async () => {
      const { writer, identity } = get();
      const write = (atMs: number, count: number) =>
        writer.execute('append-audits', { atMs, entries: new Array(count).fill(anEntry()) });
      await write(START_MS, AGED_ROWS_MAX + 1);
      await write(START_MS + HOUR_MS, 2);
      const jobId = await order(audits, { atMs: START_MS + HOUR_MS });
      expect(await run(jobId, START_MS + HOUR_MS)).toEqual({
        ...{ kind: 'audit', removedCount: AGED_ROWS_MAX },
      });
      const inBetween = verifyAudits(
        ...[await identity.loadAuditStart(), await identity.listAuditsAfter(0, 100)],
      );
      expect(inBetween).toEqual({ head: await identity.loadAuditHead() });
      expect(await run(jobId, START_MS + HOUR_MS)).toMatchObject({ removedCount: 1 });
      const left = await identity.listAuditsAfter(0, 100);
      expect(left).toHaveLength(2);
      expect(verifyAudits(await identity.loadAuditStart(), left)).toEqual({
        head: await identity.loadAuditHead(),
      });
    });

    it('removes nothing once it has ended, was cancelled, or has run out of time', async () => {
      await get().writer.execute('append-audits', { atMs: START_MS, entries: [anEntry()] });
      const [cancelled, late] = [await order(audits), await order(audits)];
      const { writer, identity } = get();
      const answer = await writer.execute('cancel-job', { atMs: START_MS, jobId: cancelled });
      expect(answer.ended).toMatchObject({ state: 'FAILURE', outcome: 'cancelled' });
      const { ended } = await writer.execute('expire-jobs', { atMs: START_MS + 60_000 });
      expect(ended).toMatchObject([{ jobId: late, state: 'FAILURE', outcome: 'timed_out' }]);
      for (const jobId of [cancelled, late, 999]) {
        expect(await run(jobId, START_MS + 2 * HOUR_MS)).toBeUndefined();
      }
      expect(await identity.listAuditsAfter(0, 9)).toHaveLength(1);
      const retry = { atMs: START_MS + 61_000, userId: 1, uuid: 'r' };
      await expect(
        writer.execute('retry-job', { ...retry, jobId: cancelled }),
      ).rejects.toMatchObject({ code: 'NOTHING_TO_RETRY' });
    });

    it('is one job however often it comes under one key', async () => {
      const idempotency = { key: 'k', requestHash: 'h' };
      expect(await order(jobs, { idempotency })).toBe(await order(jobs, { idempotency }));
    });
  });
}
