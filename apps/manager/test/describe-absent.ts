import type { Ledger } from '../src/ledger/index.js';
import {
  START_MS,
  aJob,
  aReport,
  aTarget,
  enrolHosts,
  startSchedulers,
} from './ledger-fixtures.js';

/** How every ledger must keep hosts that had nothing of a task, whichever database it lies in. */
export function describeAbsent(get: () => Ledger): void {
  describe('hosts that had nothing', () => {
    type Message = Parameters<typeof aReport>[0];
    let message: Message;

    beforeEach(async () => {
      const [id] = await startSchedulers(get(), 1);
      await enrolHosts(get(), id!, 3);
      message = (await get().writer.execute('accept-job', aJob())).messages[0]!;
    });

    const report = (targets: Parameters<typeof aReport>[1], isLast = false) =>
      get().writer.execute('record-report', {
        atMs: START_MS + 100,
        report: aReport(message, targets, { is_last: isLast }),
      });
    const counts = async () => (await get().reader.findJob(message.jobId))!.clusters[0]!.counts;
    const list = async (page: number, perPage: number, outcome?: 'absent' | 'deleted') => {
      const options = outcome === undefined ? { page, perPage } : { page, perPage, outcome };
      const { items, totalCount } = await get().reader.listTargets(message.jobId, options);
      return { names: items.map(({ host }) => host.host_name), totalCount };
    };
    const numbers = (from: number, to: number) =>
      Array.from({ length: to - from + 1 }, (_, index) => from + index);
    const nameOf = (number: number) => `h${String(number).padStart(5, '0')}`;

    it('are counted and listed once, in however many reports they come', async () => {
      await report(numbers(1, 700).map((number) => aTarget(number, 'pending')));
      expect(await counts()).toMatchObject({ pending: 700, absent: 0 });
      const first = numbers(1, 500).map((number) => aTarget(number, 'absent'));
      expect((await report(first)).changedTargetCount).toBe(500);
      expect((await report(first)).changedTargetCount).toBe(0);
      expect((await report([aTarget(7, 'absent', { try: 9 })])).changedTargetCount).toBe(0);
      expect((await report([aTarget(7, 'failed'), aTarget(7, 'pending')])).changedTargetCount).toBe(
        0,
      );
      expect(await counts()).toMatchObject({ pending: 200, absent: 500, failed: 0 });
      await report(
        [...numbers(502, 700).map((number) => aTarget(number, 'absent')), aTarget(501, 'deleted')],
        true,
      );
      const job = (await get().reader.findJob(message.jobId))!;
      expect(job.job).toMatchObject({ state: 'SUCCESS', outcome: 'complete' });
      expect(job.clusters[0]?.counts).toMatchObject({ pending: 0, absent: 699, deleted: 1 });
      expect(job.targets.map(({ outcome }) => outcome)).toEqual(['deleted']);
      expect(await list(1, 3)).toEqual({
        names: [nameOf(501), nameOf(1), nameOf(2)],
        totalCount: 700,
      });
      expect(await list(2, 3)).toMatchObject({ names: [nameOf(3), nameOf(4), nameOf(5)] });
      expect(await list(7, 100, 'absent')).toEqual({
        names: numbers(602, 700).map(nameOf),
        totalCount: 699,
      });
      expect(await list(1, 10, 'deleted')).toEqual({ names: [nameOf(501)], totalCount: 1 });
      const [absent] = (
        await get().reader.listTargets(message.jobId, {
          ...{ page: 1, perPage: 1, outcome: 'absent' },
        })
      ).items;
      expect(absent).toMatchObject({
        ...{ node: 'host:10.0.0.1-h00001', clusterId: 1, deletedBytes: 0, later: undefined },
        host: { id: '10.0.0.1-h00001', ip: '10.0.0.1', port: 4000, idc: 'idc-1' },
      });
    });

    it('leave the list when they turn out to have had something', async () => {
      await report([aTarget(1, 'absent'), aTarget(2, 'absent')]);
      await report([aTarget(1, 'deleted'), aTarget(3, 'absent')]);
      expect(await counts()).toMatchObject({ absent: 2, deleted: 1 });
      expect(await list(1, 10, 'absent')).toEqual({ names: [nameOf(2), nameOf(3)], totalCount: 2 });
      await report([aTarget(2, 'deleted'), aTarget(3, 'deleted')], true);
      expect(await counts()).toMatchObject({ absent: 0, deleted: 3 });
      expect((await list(1, 10, 'absent')).totalCount).toBe(0);
    });

    it('go with the record of the job', async () => {
      await report([aTarget(1, 'absent')], true);
      await get().writer.execute('delete-job-record', { atMs: START_MS, jobId: message.jobId });
      expect((await list(1, 10)).totalCount).toBe(0);
    });
  });
}
