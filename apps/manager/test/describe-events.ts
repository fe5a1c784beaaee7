import type { EventPosition, Ledger } from '../src/ledger/index.js';
import { NO_EVENT } from '../src/ledger/index.js';
import {
  START_MS,
  aJob,
  aReport,
  aTarget,
  enrolHosts,
  startSchedulers,
} from './ledger-fixtures.js';

/** What every ledger must keep of what happens to jobs, whichever database it lies in. */
export function describeEvents(get: () => Ledger): void {
  describe('the events of a job', () => {
    const list = async (jobId: number, after: EventPosition = NO_EVENT, limit = 100) =>
      get().reader.listEvents(jobId, { after, limit });
    const kinds = async (jobId: number) => (await list(jobId)).map(({ kind }) => kind);

    it('are written with each change, numbered upwards, and read after any of them', async () => {
      const [id] = await startSchedulers(get(), 1);
      await enrolHosts(get(), id!, 2);
      const { jobId, messages } = await get().writer.execute('accept-job', aJob());
      const report = (targets: Parameters<typeof aReport>[1], isLast: boolean) =>
        get().writer.execute('record-report', {
          atMs: START_MS + 100,
          report: aReport(messages[0]!, targets, { is_last: isLast }),
        });
      await report([aTarget(1, 'pending'), aTarget(2, 'pending')], false);
      await report([], false); // A renewal changes nothing.
      await report([aTarget(1, 'deleted'), aTarget(2, 'failed')], true);
      const events = await list(jobId);
      expect(events.map(({ kind }) => kind)).toEqual([
        ...['order-queued', 'job-accepted', 'targets-changed'],
        ...['order-ended', 'targets-changed', 'job-ended'],
      ]);
      expect(events[2]?.data).toMatchObject({ counts: { targets: 2, pending: 2 } });
      expect(events.at(-1)).toMatchObject({
        atMs: START_MS + 100,
        data: {
          ...{ state: 'FAILURE', outcome: 'partial', deleted_bytes: 100 },
          counts: { targets: 2, deleted: 1, failed: 1, pending: 0 },
        },
      });
      for (const [index, event] of events.entries()) {
        expect(await list(jobId, event)).toEqual(events.slice(index + 1));
        expect(await list(jobId, NO_EVENT, index)).toEqual(events.slice(0, index));
      }
      const now = await get().reader.findJobAtEvent(jobId);
      expect(now).toMatchObject({ detail: { job: { phase: 'ended' } }, newest: {} });
      expect(await list(jobId, now!.newest)).toEqual([]);
    });

    it('tell that an order waits, that nobody came, and what a host did later', async () => {
      const [id] = await startSchedulers(get(), 1);
      await enrolHosts(get(), id!, 1);
      const { jobId, messages } = await get().writer.execute('accept-job', aJob());
      await get().writer.execute('mark-sent', { atMs: START_MS, messages });
      const pending = aReport(messages[0]!, [aTarget(1, 'pending')]);
      await get().writer.execute('record-report', { atMs: START_MS, report: pending });
      await get().writer.execute('expire-leases', { atMs: START_MS + 30_000 });
      expect((await kinds(jobId)).at(-1)).toBe('order-waiting');
      await get().writer.execute('expire-jobs', { atMs: START_MS + 60_000 });
      const { epoch } = (await get().reader.findLogState(1))!;
      const later = { hostId: '10.0.0.1-h00001', seq: 1, outcome: 'deleted' as const };
      await get().writer.execute('record-later', {
        ...{ atMs: START_MS + 70_000, clusterId: 1, epoch },
        outcomes: [later],
      });
      expect((await kinds(jobId)).slice(-2)).toEqual(['job-ended', 'target-later']);
      expect((await list(jobId)).at(-1)?.data).toEqual({
        ...{ node: 'host:10.0.0.1-h00001', later: 'deleted' },
      });
    });

    it('go with the record of the job', async () => {
      const { jobId } = await get().writer.execute('accept-job', aJob());
      await get().writer.execute('expire-jobs', { atMs: START_MS + 60_000 });
      await get().writer.execute('delete-job-record', { atMs: START_MS + 60_000, jobId });
      expect(await list(jobId)).toEqual([]);
      expect(await get().reader.findJobAtEvent(jobId)).toBeUndefined();
    });
  });
}
