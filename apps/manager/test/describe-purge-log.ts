import { type TaskId } from '@pondhawk/core';
import { chainHash } from '@pondhawk/purge';
import type { Ledger } from '../src/ledger/index.js';
import {
  OPEN_OPTIONS,
  START_MS,
  aHost,
  aJob,
  aReport,
  aTarget,
  startSchedulers,
} from './ledger-fixtures.js';

const TASK = 'a'.repeat(64) as TaskId;
const OTHER_EPOCH = 'f2'.repeat(16);

/** What every ledger must do with its purge logs, whichever database it lies in. */
export function describePurgeLog(get: () => Ledger): void {
  describe('when deletes are accepted', () => {
    const accept = (facts = {}) => get().writer.execute('accept-job', aJob(facts));
    const seqOf = async (jobId: number) =>
      (await get().reader.findJob(jobId))?.clusters.map(({ purgeSeq }) => purgeSeq);
    const state = async () => (await get().reader.findLogState(1))!;

    it('numbers them from 1 without gaps, also around a refused one', async () => {
      const jobs = await Promise.allSettled([
        accept(),
        accept({ clusterIds: [5] }),
        accept({ type: 'get_task' }),
        accept(),
      ]);
      const ids = jobs.flatMap((job) => (job.status === 'fulfilled' ? [job.value.jobId] : []));
      expect(await Promise.all(ids.map(seqOf))).toEqual([[1], [undefined], [2]]);
      const first = chainHash('', 1, TASK);
      const second = chainHash(first, 2, TASK);
      expect(await get().reader.listPurges(1, { after: 0, limit: 10 })).toEqual([
        { seq: 1, taskId: TASK, chainHash: first },
        { seq: 2, taskId: TASK, chainHash: second },
      ]);
      const epoch = OPEN_OPTIONS.purgeEpoch;
      expect(await state()).toEqual({ epoch, first: 1, head: 2, headHash: second });
      expect(await get().reader.listPurges(1, { after: 1, limit: 10 })).toHaveLength(1);
    });

    it('lists those that are open, and those alone that are new since it was looked', async () => {
      const { jobId } = await accept();
      await accept({ type: 'get_task' });
      const first = await get().reader.listOpenPurges(0);
      expect(first.purges).toEqual([{ jobId, clusterId: 1, seq: 1 }]);
      expect((await get().reader.listOpenPurges(first.number)).purges).toEqual([]);
      const others = await Promise.all([accept(), accept({ type: 'get_task' }), accept()]);
      const { purges, number } = await get().reader.listOpenPurges(first.number);
      expect(purges).toEqual([
        { jobId: others[0].jobId, clusterId: 1, seq: 2 },
        { jobId: others[2].jobId, clusterId: 1, seq: 3 },
      ]);
      expect(number).toBeGreaterThan(first.number);
      expect((await get().reader.listOpenPurges(0)).purges).toHaveLength(3);
    });

    it('tells the number to the scheduler', async () => {
      await startSchedulers(get(), 1);
      const { messages } = await accept();
      const purge = { log_epoch: OPEN_OPTIONS.purgeEpoch, seq: 1 };
      expect(JSON.parse(messages[0]!.payload)).toMatchObject({ purge });
    });

    it('shows beside a failed target what its host did later, and beside no other', async () => {
      await startSchedulers(get(), 1);
      const { jobId, messages } = await accept();
      const targets = [aTarget(1, 'failed'), aTarget(2, 'absent')];
      const report = aReport(messages[0]!, targets, { is_last: true });
      await get().writer.execute('record-report', { atMs: START_MS, report });
      const later = { atMs: START_MS, clusterId: 1, epoch: OPEN_OPTIONS.purgeEpoch };
      const outcomes = [1, 2].map((host) => ({
        ...{ hostId: aHost(host).id, seq: 1 },
        outcome: 'deleted' as const,
      }));
      const wrong = await get().writer.execute('record-later', {
        ...{ ...later, outcomes },
        epoch: OTHER_EPOCH,
      });
      expect(wrong).toEqual({ changedTargetCount: 0 });
      expect(await get().writer.execute('record-later', { ...later, outcomes })).toEqual({
        changedTargetCount: 1,
      });
      const { items } = await get().reader.listTargets(jobId, { page: 1, perPage: 10 });
      expect(items.map(({ outcome, later: shown }) => [outcome, shown]).sort()).toEqual([
        ['absent', undefined],
        ['failed', 'deleted'],
      ]);
      expect((await get().reader.findJobRecord(jobId))?.state).toBe('FAILURE');
    });

    it('gives all logs a new epoch when a host knows a number otherwise, and only then', async () => {
      await startSchedulers(get(), 1);
      const { messages } = await accept();
      await get().writer.execute('mark-sent', { atMs: START_MS, messages });
      const { epoch, headHash } = await state();
      const tell = (seq: number, hash: string) =>
        get().writer.execute('renew-log-id', {
          ...{ atMs: START_MS, clusterId: 1, epoch, hostId: 'h1', seq, chainHash: hash },
          newEpoch: OTHER_EPOCH,
        });
      expect((await tell(1, headHash)).epoch).toBe(epoch);
      expect(await get().reader.findPurgeLogAlarm()).toBeUndefined();
      const renewed = await tell(7, 'b'.repeat(64));
      expect(renewed).toMatchObject({ epoch: OTHER_EPOCH, first: 8, head: 7, headHash: '' });
      expect(await get().reader.listPurges(1, { after: 0, limit: 10 })).toEqual([]);
      // What has not ended is sent again, under the epoch that hosts know by then.
      const [again] = await get().reader.listUnsentMessages(10);
      expect(JSON.parse(again!.payload)).toMatchObject({
        purge: { log_epoch: OTHER_EPOCH, seq: 1 },
      });
      expect(await get().reader.findPurgeLogAlarm()).toContain('purge 7 of cluster 1');
      expect((await tell(1, 'c'.repeat(64))).epoch).toBe(OTHER_EPOCH);
      await get().writer.execute('acknowledge-purge-log', { atMs: START_MS });
      expect(await get().reader.findPurgeLogAlarm()).toBeUndefined();
      expect(await seqOf((await accept()).jobId)).toEqual([8]);
    });
  });
}
