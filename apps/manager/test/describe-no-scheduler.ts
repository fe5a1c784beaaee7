import type { Ledger } from '../src/ledger/index.js';
import { EXPIRED_PER_COMMAND_MAX } from '../src/ledger/overdue-queries.js';
import { START_MS, aJob, startSchedulers } from './ledger-fixtures.js';

/** What every ledger must do with jobs that wait for a scheduler, whichever database it lies in. */
export function describeNoScheduler(get: () => Ledger): void {
  describe('when no scheduler is active', () => {
    it('gives the waiting order to the first that becomes active', async () => {
      const { jobId, messages } = await get().writer.execute('accept-job', aJob());
      expect(messages).toEqual([]);
      const [schedulerId] = await startSchedulers(get(), 2, START_MS + 1_000);
      const sent = await get().reader.listUnsentMessages(10);
      expect(sent.map((message) => [message.jobId, message.schedulerId])).toEqual([
        [jobId, schedulerId],
      ]);
      expect(JSON.parse(sent[0]!.payload)).toMatchObject({ spec: { parallelism: 5 } });
    });

    it('fails it after 30 s with NO_ACTIVE_SCHEDULER', async () => {
      const { jobId } = await get().writer.execute('accept-job', aJob());
      const early = await get().writer.execute('expire-jobs', { atMs: START_MS + 29_999 });
      expect(early).toEqual({ failedOrderCount: 0, ended: [] });
      const { ended } = await get().writer.execute('expire-jobs', { atMs: START_MS + 30_000 });
      expect(ended).toMatchObject([
        { jobId, type: 'delete_task', state: 'FAILURE', outcome: 'failed' },
      ]);
      expect((await get().reader.findJob(jobId))!.clusters[0]?.orders[0]).toMatchObject({
        state: 'failed',
        errorCode: 'NO_ACTIVE_SCHEDULER',
      });
    });

    it('fails no more at once than may hold up others, and the rest by the next command', async () => {
      const count = EXPIRED_PER_COMMAND_MAX + 3;
      await Promise.all(
        Array.from({ length: count }, () =>
          get().writer.execute('accept-job', aJob({ type: 'get_task' })),
        ),
      );
      const atMs = START_MS + 30_000;
      const expire = async () => {
        const { failedOrderCount, ended } = await get().writer.execute('expire-jobs', { atMs });
        return [failedOrderCount, ended.length, (await get().reader.findOverdue(atMs)).jobs];
      };
      expect(await expire()).toEqual([EXPIRED_PER_COMMAND_MAX, EXPIRED_PER_COMMAND_MAX, true]);
      expect(await expire()).toEqual([3, 3, false]);
      expect(await get().reader.listUnfinishedJobIds()).toEqual([]);
    });
  });
}
