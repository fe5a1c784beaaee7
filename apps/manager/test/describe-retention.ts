import { verifyAudits } from '@pondhawk/core';
import { IDEMPOTENCY_KEY_AGE_MS_MAX } from '../src/ledger/commands/idempotency.js';
import {
  AGED_JOBS_MAX,
  AGED_ROWS_MAX,
  GONE_HOST_AGE_MS_MAX,
} from '../src/ledger/commands/remove-aged.js';
import { anEntry as anAudit } from './describe-audits.js';
import { describeGc } from './describe-gc.js';
import type { Ledger, RemovedAged } from '../src/ledger/index.js';
import { START_MS, aJob, enrolHosts, expireAll, startSchedulers } from './ledger-fixtures.js';

const HOUR_MS = 3_600_000;
const TASK = 'a'.repeat(64);

/** What every ledger must do with requests that come again, with locks, and with what is old. */
export function describeRetention(get: () => Ledger): void {
  const accept = (facts: Parameters<typeof aJob>[0] = {}) =>
    get().writer.execute('accept-job', aJob(facts));
  const keyed = (key: string, requestHash: string, atMs = START_MS) =>
    accept({ idempotency: { key, requestHash }, atMs });
  const expire = (atMs: number) => expireAll(get(), atMs);
  const removeAged = (atMs: number, ages: { job?: number; purge?: number; audit?: number } = {}) =>
    get().writer.execute('remove-aged', {
      atMs,
      jobAgeMsMax: ages.job ?? HOUR_MS,
      purgeAgeMsMax: ages.purge ?? 100 * HOUR_MS,
      auditAgeMsMax: ages.audit ?? 1_000 * HOUR_MS,
    });
  const jobCount = async () =>
    (await get().reader.listJobs({}, { page: 1, perPage: 1 })).totalCount;

  describeGc(get);

  describe('a request with a key', () => {
    it('is one job however often and however simultaneously it comes', async () => {
      const answers = await Promise.all([keyed('k', 'h'), keyed('k', 'h'), keyed('k', 'h')]);
      expect(answers.map(({ isRepeated }) => isRepeated)).toEqual([false, true, true]);
      expect(new Set(answers.map(({ jobId }) => jobId)).size).toBe(1);
      expect(answers[1].messages).toEqual([]);
      expect(await jobCount()).toBe(1);
      expect((await get().reader.findLogState(1))?.head).toBe(1);
    });

    it('is refused when it asks for something else under the same key', async () => {
      await keyed('k', 'h');
      await expect(keyed('k', 'other')).rejects.toMatchObject({
        ...{ kind: 'conflict', code: 'IDEMPOTENCY_KEY_REUSED' },
      });
      expect((await keyed('k2', 'other')).isRepeated).toBe(false);
      expect(
        (await accept({ userId: 7, idempotency: { key: 'k', requestHash: 'x' } })).isRepeated,
      ).toBe(false);
    });

    it('is not carried out again when its job was forgotten, and is a new one after a day', async () => {
      const { jobId } = await keyed('k', 'h');
      await expire(START_MS + HOUR_MS);
      await get().writer.execute('delete-job-record', { atMs: START_MS + HOUR_MS, jobId });
      const last = START_MS + IDEMPOTENCY_KEY_AGE_MS_MAX - 1;
      expect(await keyed('k', 'h', last)).toMatchObject({ jobId, isRepeated: true });
      expect(await keyed('k', 'other', last + 1)).toMatchObject({ isRepeated: false });
      expect(await keyed('k', 'other', last + 2)).toMatchObject({ isRepeated: true });
    });

    it('leaves no key behind when it is refused', async () => {
      const idempotency = { key: 'k', requestHash: 'h' };
      await expect(accept({ idempotency, clusterIds: [77] })).rejects.toMatchObject({
        code: 'CLUSTER_NOT_FOUND',
      });
      expect((await keyed('k', 'other')).isRepeated).toBe(false);
    });
  });

  describe('the lock of a delete', () => {
    it('stands from its acceptance to its end, on the task, and waits for nobody', async () => {
      const [first, second] = [await accept(), await accept()];
      const path = `pondhawk/cluster/1/task/${TASK}`;
      const holders = (of: string) => get().reader.listLockHolders(of);
      const both = [first.jobId, second.jobId];
      expect(await holders(path)).toEqual(both);
      expect(await holders('pondhawk/cluster/1')).toEqual(both);
      expect(await holders(`${path}/piece/1`)).toEqual(both);
      expect(await holders(`pondhawk/cluster/10/task/${TASK}`)).toEqual([]);
      expect(await holders(path.slice(0, -1))).toEqual([]);
      await expire(START_MS + HOUR_MS);
      expect(await holders(path)).toEqual([]);
    });
  });

  describe('what is old', () => {
    const sweep = async (atMs: number, ages = {}): Promise<RemovedAged[]> => {
      const all = [await removeAged(atMs, ages)];
      while (all.at(-1)?.hasMore === true) all.push(await removeAged(atMs, ages));
      return all;
    };

    it('goes once it has ended for long enough, never before it has ended', async () => {
      const { jobId } = await accept();
      const young = await accept({ spec: { ...aJob().spec, timeoutMs: 100 * HOUR_MS } });
      await get().writer.execute('keep-alive', await aScheduler());
      await expire(START_MS + 60_000);
      const endedAtMs = (await get().reader.findJobRecord(jobId))!.endedAtMs!;
      expect((await removeAged(endedAtMs + HOUR_MS - 1)).jobs).toBe(0);
      expect((await removeAged(endedAtMs + HOUR_MS)).jobs).toBe(1);
      expect((await removeAged(START_MS + 99 * HOUR_MS)).jobs).toBe(0);
      expect(await get().reader.findJobRecord(jobId)).toBeUndefined();
      expect(await get().reader.findJobRecord(young.jobId)).toBeDefined();
      expect(
        await get().reader.listEvents(jobId, { after: { number: 0, ordinal: 0 }, limit: 9 }),
      ).toEqual([]);
    });

    it('of the audit log goes from its beginning, and what is left is one chain', async () => {
      const { writer, identity } = get();
      const audit = (atMs: number, count: number) =>
        writer.execute('append-audits', { atMs, entries: new Array(count).fill(anAudit()) });
      await audit(START_MS, 3);
      await audit(START_MS + HOUR_MS, 1);
      await audit(START_MS, 1); // Its clock went back: it stays, because it stands behind a young one.
      expect((await removeAged(START_MS + HOUR_MS, { audit: HOUR_MS })).audits).toBe(3);
      const start = await identity.loadAuditStart();
      expect(start.count).toBe(3);
      const left = await identity.listAuditsAfter(0, 10);
      expect(left.map(({ id }) => id)).toEqual([4, 5]);
      expect(verifyAudits(start, left)).toEqual({ head: await identity.loadAuditHead() });
      await removeAged(START_MS + 3 * HOUR_MS, { audit: HOUR_MS });
      expect(await identity.loadAuditStart()).toEqual(await identity.loadAuditHead());
      await audit(START_MS + 3 * HOUR_MS, AGED_ROWS_MAX + 1);
      const parts = await sweep(START_MS + 9 * HOUR_MS, { audit: HOUR_MS });
      expect(parts.map(({ audits }) => audits)).toEqual([AGED_ROWS_MAX, 1]);
      await audit(START_MS + 9 * HOUR_MS, 1);
      expect(
        verifyAudits(await identity.loadAuditStart(), await identity.listAuditsAfter(0, 10)),
      ).toEqual({ head: await identity.loadAuditHead() });
    });

    it('goes in bounded parts until none is left', async () => {
      for (let count = 0; count <= AGED_JOBS_MAX; count += 1) await keyed(`k${count}`, 'h');
      await expire(START_MS + 60_000);
      const parts = await sweep(START_MS + 30 * HOUR_MS);
      expect(parts.map(({ jobs }) => jobs)).toEqual([AGED_JOBS_MAX, 1]);
      expect(parts[0]?.keys).toBe(AGED_JOBS_MAX + 1);
      expect(await jobCount()).toBe(0);
    });

    it('goes from the purge log from its beginning, and the log says where it begins', async () => {
      const before = (await get().reader.findLogState(1))!;
      for (let hour = 0; hour < 4; hour += 1) await accept({ atMs: START_MS + hour * HOUR_MS });
      await expire(START_MS + 11 * HOUR_MS);
      const removed = await removeAged(START_MS + 11 * HOUR_MS, { purge: 10 * HOUR_MS });
      expect(removed).toMatchObject({ purges: 2, hasMore: false });
      const after = (await get().reader.findLogState(1))!;
      expect(after).toMatchObject({ epoch: before.epoch, first: 3, head: 4 });
      const left = await get().reader.listPurges(1, { after: 0, limit: 10 });
      expect(left.map(({ seq }) => seq)).toEqual([3, 4]);
      await removeAged(START_MS + 100 * HOUR_MS, { purge: 10 * HOUR_MS });
      expect(await get().reader.findLogState(1)).toMatchObject({ first: 5, head: 4 });
      await accept({ atMs: START_MS + 100 * HOUR_MS });
      expect(await get().reader.findLogState(1)).toMatchObject({ first: 5, head: 5 });
      expect(AGED_ROWS_MAX).toBeGreaterThan(4);
    });

    it('goes from the purge log only up to a job that has not ended, or an entry that is young', async () => {
      const begin = async () => (await get().reader.findLogState(1))?.first;
      const spec = { ...aJob().spec, timeoutMs: 1_000 * HOUR_MS };
      await accept({ atMs: START_MS });
      const later = START_MS + 50 * HOUR_MS; // The clock was set back after it.
      await expire(START_MS + HOUR_MS);
      await accept({ atMs: later });
      await accept({ atMs: START_MS + HOUR_MS });
      await expire(later + HOUR_MS);
      await removeAged(START_MS + 55 * HOUR_MS, { purge: 10 * HOUR_MS });
      expect(await begin()).toBe(2);
      await startSchedulers(get(), 1, later + HOUR_MS);
      const { jobId } = await accept({ atMs: later + HOUR_MS, spec });
      await removeAged(START_MS + 500 * HOUR_MS, { purge: 10 * HOUR_MS });
      expect(await begin()).toBe(4);
      expect(await get().reader.findJobRecord(jobId)).toMatchObject({ phase: 'accepted' });
      await expire(START_MS + 2_000 * HOUR_MS);
      await removeAged(START_MS + 2_000 * HOUR_MS, { purge: 10 * HOUR_MS });
      expect(await begin()).toBe(5);
    });

    it('goes from the hosts when one was lost for a month', async () => {
      const [id] = await startSchedulers(get(), 1);
      await enrolHosts(get(), id!, 2);
      await get().writer.execute('enrol-hosts', {
        ...{ atMs: START_MS + HOUR_MS, clusterId: 1, schedulerId: id!, opened: [] },
        schedulerIncarnation: 'ab'.repeat(16),
        closed: [],
      });
      const hosts = async () =>
        (await get().reader.listPeers(START_MS, {}, { page: 1, perPage: 10 })).totalCount;
      const lostAtMs = START_MS + HOUR_MS;
      expect((await removeAged(lostAtMs + GONE_HOST_AGE_MS_MAX - 1)).hosts).toBe(0);
      expect(await hosts()).toBe(2);
      expect((await removeAged(lostAtMs + GONE_HOST_AGE_MS_MAX)).hosts).toBe(2);
      expect(await hosts()).toBe(0);
    });

    /** Keeps a job of another test from failing for want of a scheduler. */
    async function aScheduler() {
      await startSchedulers(get(), 1);
      return {
        ...{ atMs: START_MS, source: 'scheduler' as const, clusterId: 1 },
        ...{ hostName: 's1', ip: '127.0.0.1' },
      };
    }
  });
}
