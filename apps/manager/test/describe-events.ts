import type { EventPosition, Ledger } from '../src/ledger/index.js';
import { NO_EVENT } from '../src/ledger/index.js';
import { SUPERSEDED_EVENTS_MAX } from '../src/ledger/command-context.js';
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
      const refused = { code: 'FILE_NOT_DELETED', message: 'EACCES' };
      await report([aTarget(1, 'deleted'), aTarget(2, 'failed', refused)], true);
      const events = await list(jobId);
      expect(events.map(({ kind }) => kind)).toEqual([
        ...['order-queued', 'job-accepted', 'job-running', 'targets-changed'],
        ...['order-ended', 'targets-changed', 'job-ended'],
      ]);
      expect(events[3]?.data).toMatchObject({ counts: { targets: 2, pending: 2 } });
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
      expect((await kinds(jobId)).slice(-2)).toEqual(['job-ended', 'targets-later']);
      expect((await list(jobId)).at(-1)?.data).toEqual({ later: { deleted: 1 } });
      await get().writer.execute('record-later', {
        ...{ atMs: START_MS + 80_000, clusterId: 1, epoch },
        outcomes: [later],
      });
      expect((await kinds(jobId)).at(-2)).toBe('job-ended');
    });

    it('are known by their own numbers, not by those of other jobs', async () => {
      await startSchedulers(get(), 1);
      const { jobId } = await get().writer.execute('accept-job', aJob());
      const { jobId: otherId } = await get().writer.execute('accept-job', aJob());
      const isKnown = async (position: EventPosition) =>
        (await get().reader.findJobAtEvent(jobId, position))?.isKnown;
      for (const event of await list(jobId)) expect(await isKnown(event)).toBe(true);
      const [first] = await list(jobId);
      expect(await isKnown({ ...first!, ordinal: Number.MAX_SAFE_INTEGER })).toBe(true);
      for (const event of await list(otherId)) expect(await isKnown(event)).toBe(false);
      expect(await isKnown(NO_EVENT)).toBe(false);
      expect((await get().reader.findJobAtEvent(jobId))?.isKnown).toBe(false);
    });

    it('are kept in bounds, however many reports come, and the newest stay', async () => {
      await startSchedulers(get(), 1);
      const { jobId, messages } = await get().writer.execute('accept-job', aJob());
      const reports = Array.from({ length: SUPERSEDED_EVENTS_MAX + 7 }, (_, index) =>
        get().writer.execute('record-report', {
          ...{ atMs: START_MS, report: aReport(messages[0]!, [aTarget(index, 'pending')]) },
        }),
      );
      await Promise.all(reports);
      const events = await list(jobId, NO_EVENT, 10_000);
      const changes = events.filter(({ kind }) => kind === 'targets-changed');
      expect(changes).toHaveLength(SUPERSEDED_EVENTS_MAX);
      expect(changes.at(-1)?.data).toMatchObject({ counts: { pending: reports.length } });
      expect(events.slice(0, 3).map(({ kind }) => kind)).toEqual([
        ...['order-queued', 'job-accepted', 'job-running'],
      ]);
    }, 60_000);

    it('go with the record of the job', async () => {
      const { jobId } = await get().writer.execute('accept-job', aJob());
      await get().writer.execute('expire-jobs', { atMs: START_MS + 60_000 });
      await get().writer.execute('delete-job-record', { atMs: START_MS + 60_000, jobId });
      expect(await list(jobId)).toEqual([]);
      expect(await get().reader.findJobAtEvent(jobId)).toBeUndefined();
    });
  });
}
