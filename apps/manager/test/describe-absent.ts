import type { TargetOutcome } from '@pondhawk/jobs';
import type { Ledger, OutboxMessage, RecordedReport, TargetReport } from '../src/ledger/index.js';
import { START_MS, aHost, aJob, aReport, aTarget, startSchedulers } from './ledger-fixtures.js';

const range = (first: number, count: number): number[] =>
  Array.from({ length: count }, (_, index) => first + index);

/** What every ledger must do with hosts that have nothing, whichever database it lies in. */
export function describeAbsent(get: () => Ledger): void {
  describe('hosts that have nothing', () => {
    let messages: readonly OutboxMessage[];
    let jobId: number;

    const report = (
      targets: readonly TargetReport[],
      facts: Parameters<typeof aReport>[2] = {},
      message = messages[0]!,
    ): Promise<RecordedReport> =>
      get().writer.execute('record-report', {
        atMs: START_MS + 50,
        report: aReport(message, targets, facts),
      });
    const targetsOf = (indices: readonly number[], outcome: TargetOutcome) =>
      indices.map((index) => aTarget(index, outcome));
    const counts = async () => (await get().reader.findJob(jobId))!.clusters[0]!.counts;
    const list = async (outcome?: TargetOutcome, page = 1, perPage = 100) => {
      const request = outcome === undefined ? {} : { outcome };
      const { items, totalCount } = await get().reader.listTargets(jobId, {
        ...{ page, perPage },
        ...request,
      });
      return [items.map(({ host }) => host.host_name), totalCount] as const;
    };
    const names = (indices: readonly number[]) => indices.map((index) => aHost(index).host_name);

    beforeEach(async () => {
      await startSchedulers(get(), 2);
      ({ jobId, messages } = await get().writer.execute('accept-job', aJob()));
    });

    it('are counted, and stand in pages among the others by host name', async () => {
      await report(targetsOf(range(1, 6), 'pending'));
      await report(targetsOf([2, 4, 5], 'absent'));
      await report(targetsOf([3], 'deleted'));
      expect(await counts()).toMatchObject({ absent: 3, deleted: 1, pending: 2 });
      expect(await list()).toEqual([names(range(1, 6)), 6]);
      expect(await list(undefined, 2, 4)).toEqual([names([5, 6]), 6]);
      expect(await list('absent')).toEqual([names([2, 4, 5]), 3]);
      expect(await list('absent', 2, 2)).toEqual([names([5]), 3]);
      expect(await list('absent', 3, 2)).toEqual([[], 3]);
      expect(await list('pending')).toEqual([names([1, 6]), 2]);
      const { items } = await get().reader.listTargets(jobId, {
        ...{ page: 1, perPage: 1, outcome: 'absent' },
      });
      expect(items).toEqual([
        {
          ...{ node: 'host:10.0.0.1-h00002', clusterId: 1, host: aHost(2), outcome: 'absent' },
          ...{ code: '', message: '', deletedBytes: 0, attempts: 1 },
          ...{ startedAtMs: START_MS + 10, endedAtMs: START_MS + 20 },
          ...{ task: undefined, later: undefined },
        },
      ]);
    });

    it('stay so, counted once, whatever comes twice, late or worse', async () => {
      await report(targetsOf([1, 2], 'absent'));
      for (const late of [
        [...targetsOf([1], 'absent'), aTarget(2, 'absent', { try: 3 })],
        targetsOf([1, 2], 'pending'),
        targetsOf([1, 2], 'failed'),
        targetsOf([1, 2], 'fenced'),
        targetsOf([1, 2], 'skipped'),
      ]) {
        expect(await report(late)).toMatchObject({ status: 'recorded', changedTargetCount: 0 });
      }
      expect(await report(targetsOf([1], 'absent'), {}, messages[1])).toMatchObject({
        changedTargetCount: 0,
      });
      expect(await counts()).toMatchObject({ absent: 2, pending: 0, failed: 0 });
      expect(await list()).toEqual([names([1, 2]), 2]);
    });

    it('are one target when one report names them twice', async () => {
      const twice = [aTarget(1, 'absent'), aTarget(1, 'absent', { try: 2 })];
      await report([...twice, aTarget(2, 'absent'), aTarget(2, 'deleted', { try: 2 })]);
      expect(await counts()).toMatchObject({ absent: 1, deleted: 1 });
      expect(await list()).toEqual([names([1, 2]), 2]);
    });

    it('leave the list for what is better, and enter it from what is worse', async () => {
      await report(targetsOf([1, 2, 3], 'absent'));
      await report(targetsOf([4], 'failed'));
      expect((await report(targetsOf([2], 'deleted'))).changedTargetCount).toBe(1);
      expect((await report(targetsOf([4], 'absent'))).changedTargetCount).toBe(1);
      expect(await counts()).toMatchObject({ absent: 3, deleted: 1, failed: 0 });
      expect(await list('absent')).toEqual([names([1, 3, 4]), 3]);
      expect(await list('deleted')).toEqual([names([2]), 1]);
      expect((await report(targetsOf([2], 'absent'))).changedTargetCount).toBe(0);
      expect((await report(targetsOf([1, 3], 'deleted'))).changedTargetCount).toBe(2);
      expect(await list('absent')).toEqual([names([4]), 1]);
    });

    it('keep a row when there is something to say of them', async () => {
      await report([aTarget(1, 'absent', { code: 'LIST_TRUNCATED' }), aTarget(2, 'absent')]);
      const { items } = await get().reader.listTargets(jobId, { page: 1, perPage: 10 });
      expect(items.map(({ code }) => code)).toEqual(['LIST_TRUNCATED', '']);
      expect(await counts()).toMatchObject({ absent: 2 });
    });

    it('need not be told again when another scheduler takes the order over', async () => {
      await get().writer.execute('mark-sent', { atMs: START_MS, messages });
      await report(targetsOf(range(1, 4), 'pending'));
      await report(targetsOf([1, 2], 'absent'));
      await report([], { is_last: true }, messages[1]);
      const atMs = START_MS + 40_000;
      await startSchedulers(get(), 2, atMs);
      await get().writer.execute('expire-leases', { atMs });
      const [second] = await get().reader.listUnsentMessages(10);
      const again = { attempt: 2 };
      const named = await report(targetsOf(range(1, 4), 'pending'), again, second);
      expect(named).toMatchObject({ status: 'recorded', changedTargetCount: 0 });
      const last = targetsOf(range(1, 4), 'absent');
      const { ended } = await report(last, { ...again, is_last: true }, second);
      expect(ended).toMatchObject({ state: 'SUCCESS', outcome: 'complete' });
      expect(await counts()).toMatchObject({ absent: 4, pending: 0 });
    });

    it('are in the counts that events tell, and in how the job ends', async () => {
      await report(targetsOf([1, 2], 'absent'));
      await report(targetsOf([3], 'failed'), { is_last: true });
      await report([], { is_last: true }, messages[1]);
      const events = await get().reader.listEvents(jobId, {
        after: { number: 0, ordinal: 0 },
        limit: 100,
      });
      expect(events.at(-1)).toMatchObject({
        kind: 'job-ended',
        data: { outcome: 'partial', counts: { targets: 3, absent: 2, failed: 1 } },
      });
    });

    it('are no reason to forget what a failed host did later', async () => {
      await report([...targetsOf([1], 'absent'), ...targetsOf([2], 'failed')], { is_last: true });
      await report([], { is_last: true }, messages[1]);
      const { epoch } = (await get().reader.findLogState(1))!;
      const outcomes = [1, 2].map((index) => {
        return { hostId: aHost(index).id, seq: 1, outcome: 'deleted' as const };
      });
      const later = { atMs: START_MS + 60, clusterId: 1, epoch, outcomes };
      expect(await get().writer.execute('record-later', later)).toEqual({ changedTargetCount: 1 });
      const { items } = await get().reader.listTargets(jobId, { page: 1, perPage: 10 });
      expect(items.map(({ later: did }) => did)).toEqual([undefined, 'deleted']);
    });

    it('are paged over in order when there are thousands, in reports of any size', async () => {
      const indices = range(0, 1_700);
      const sizes = [1, 499, 2, 700, 498];
      let start = 0;
      for (const size of sizes) {
        await report(targetsOf(indices.slice(start, start + size).reverse(), 'absent'));
        start += size;
      }
      const seen: string[] = [];
      for (let page = 1; page <= 5; page += 1) {
        const [items, totalCount] = await list('absent', page, 400);
        expect(totalCount).toBe(1_700);
        seen.push(...items);
      }
      expect(seen).toEqual(names(indices));
    }, 30_000);

    it('go with the record of the job', async () => {
      await report(targetsOf([1], 'absent'), { is_last: true });
      await report([], { is_last: true }, messages[1]);
      await get().writer.execute('delete-job-record', { atMs: START_MS + 99, jobId });
      expect(await list('absent')).toEqual([[], 0]);
    });
  });
}
