import { STILL_SERVES, type ReportVerification } from '@pondhawk/contracts';
import type { Ledger, OutboxMessage, TargetReport } from '../src/ledger/index.js';
import {
  START_MS,
  aHost,
  aJob,
  aReport,
  aTarget,
  enrolHosts,
  startSchedulers,
} from './ledger-fixtures.js';

const VERIFIED = { task_id: 'a'.repeat(64), verify: true };
const PAGE = { page: 1, perPage: 10 };
const COUNTS: ReportVerification = {
  ...{ asked: 3, passed: 2, newer_copies: 1, failed: 1, unreachable: 0 },
};

/** A host that said it had deleted the task, and was seen to serve it. */
const serving = (index: number): TargetReport =>
  aTarget(index, 'failed', {
    code: STILL_SERVES,
    message: '5 of 9 bytes came.',
    verification: { state: 'failed', message: '5 of 9 bytes came.' },
  });
const unreachable = (index: number): TargetReport =>
  aTarget(index, 'absent', { verification: { state: 'unreachable', message: 'No connection.' } });

/** What every ledger must do with deletes whose hosts are asked from outside. */
export function describeVerification(get: () => Ledger): void {
  describe('when a delete is to be verified', () => {
    const start = async (hostCount: number, facts = {}) => {
      const [id = 0] = await startSchedulers(get(), 1);
      await enrolHosts(get(), id, hostCount);
      const accepted = await get().writer.execute(
        'accept-job',
        aJob({ orderArgs: VERIFIED, ...facts }),
      );
      return { ...accepted, message: accepted.messages[0]! };
    };
    const report = (
      message: OutboxMessage,
      targets: readonly TargetReport[],
      facts: Parameters<typeof aReport>[2] = {},
    ) =>
      get().writer.execute('record-report', {
        atMs: START_MS + 1,
        report: aReport(message, targets, facts),
      });
    const find = async (jobId: number) => (await get().reader.findJob(jobId))!;
    const targets = async (jobId: number) => (await get().reader.listTargets(jobId, PAGE)).items;
    const fence = (jobId: number) =>
      get().writer.execute('fence-targets', { atMs: START_MS + 2, jobId, clusterId: 1 });

    it('tells the scheduler so, and a retry of it too', async () => {
      const { jobId, message } = await start(1);
      expect(JSON.parse(message.payload)).toMatchObject({ args: VERIFIED });
      await report(message, [serving(1)], { is_last: true });
      const again = await get().writer.execute('retry-job', {
        ...{ atMs: START_MS + 2, jobId, userId: 1, uuid: 'again' },
      });
      expect(JSON.parse(again.messages[0]!.payload)).toMatchObject({ args: VERIFIED });
      await report(again.messages[0]!, [aTarget(1, 'absent')], { is_last: true });
      expect((await find(again.jobId)).job).toMatchObject({ state: 'SUCCESS' });
    });

    it('waits for what the scheduler saw, although all hosts have answered or are fenced', async () => {
      const { jobId, message } = await start(3);
      await report(message, [aTarget(1, 'deleted'), aTarget(2, 'absent')]);
      await fence(jobId);
      expect((await find(jobId)).job.phase).toBe('running');
      await report(message, [], { is_last: true, verification: COUNTS });
      const { job, clusters } = await find(jobId);
      expect(job).toMatchObject({ state: 'SUCCESS', outcome: 'complete' });
      expect(clusters[0]?.counts).toMatchObject({ deleted: 1, absent: 1, fenced: 1 });
      expect(clusters[0]?.orders[0]?.verification).toEqual(COUNTS);
    });

    it('does not wait so for one that is not', async () => {
      const { jobId, message } = await start(2, { orderArgs: { task_id: VERIFIED.task_id } });
      await report(message, [aTarget(1, 'deleted')]);
      await fence(jobId);
      expect((await find(jobId)).job.phase).toBe('ended');
    });

    it.each(['deleted', 'absent'] as const)(
      'fails a host that was %s and still serves, whatever is told of it afterwards',
      async (outcome) => {
        const { jobId, message } = await start(2);
        await report(message, [aTarget(1, outcome), aTarget(2, 'absent')]);
        await report(message, [serving(1)]);
        await report(message, [aTarget(1, outcome, { try: 3 })]);
        await report(message, [], { is_last: true });
        const { job, clusters } = await find(jobId);
        expect(job).toMatchObject({ state: 'FAILURE', outcome: 'partial' });
        expect(clusters[0]?.counts).toMatchObject({ failed: 1, absent: 1, deleted: 0 });
        expect((await targets(jobId))[0]).toMatchObject({
          ...{ outcome: 'failed', code: STILL_SERVES, verification: { state: 'failed' } },
        });
      },
    );

    it('fails a host that was fenced before it was seen to serve', async () => {
      const { jobId, message } = await start(1);
      await fence(jobId);
      await report(message, [serving(1)], { is_last: true });
      expect((await find(jobId)).job).toMatchObject({ state: 'FAILURE', outcome: 'failed' });
    });

    it('is verified anew by the scheduler that takes it over, and keeps what the former one saw', async () => {
      const { jobId, message } = await start(2);
      await get().writer.execute('mark-sent', { atMs: START_MS, messages: [message] });
      await report(message, [aTarget(1, 'deleted'), aTarget(2, 'absent')]);
      await report(message, [serving(1)]);
      const laterMs = START_MS + 20_000;
      await startSchedulers(get(), 2, laterMs);
      await get().writer.execute('expire-leases', { atMs: laterMs });
      const [again] = await get().reader.listUnsentMessages(1);
      expect(JSON.parse(again!.payload)).toMatchObject({ attempt: 2, args: VERIFIED });
      const passed = { verification: { state: 'passed', message: '' } } as const;
      const verification = { asked: 2, passed: 2, newer_copies: 0, failed: 0, unreachable: 0 };
      const facts = { attempt: 2, is_last: true, verification };
      await report(
        again!,
        [1, 2].map((index) => aTarget(index, 'absent', passed)),
        facts,
      );
      const { job, clusters } = await find(jobId);
      expect(job).toMatchObject({ state: 'FAILURE', outcome: 'partial' });
      expect(clusters[0]?.orders[0]).toMatchObject({ attempt: 2, verification });
      expect((await targets(jobId))[0]).toMatchObject({ code: STILL_SERVES });
    });

    it('names a host that had nothing and could not be asked, until another attempt could', async () => {
      const { jobId, message } = await start(2);
      await report(message, [aTarget(1, 'absent'), aTarget(2, 'absent')]);
      await report(message, [unreachable(2)]);
      const noted = await targets(jobId);
      expect(noted.map(({ host, verification }) => [host, verification?.state])).toEqual([
        [aHost(1), undefined],
        [aHost(2), 'unreachable'],
      ]);
      await report(message, [
        aTarget(2, 'absent', { verification: { state: 'passed', message: '' } }),
      ]);
      expect((await targets(jobId)).map(({ verification }) => verification)).toEqual([
        undefined,
        undefined,
      ]);
      expect((await find(jobId)).clusters[0]?.counts.absent).toBe(2);
    });
  });
}
