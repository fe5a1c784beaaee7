import type { Ledger, OrderReport, OutboxMessage, RecordedReport } from '../src/ledger/index.js';
import {
  START_MS,
  aHost,
  aJob,
  aReport,
  aTarget,
  enrolHosts,
  startSchedulers,
} from './ledger-fixtures.js';

const RUN_MS = START_MS + 1_000;

/** Every order of some things. */
function permutations<T>(things: readonly T[]): T[][] {
  if (things.length < 2) return [[...things]];
  return things.flatMap((first, index) =>
    permutations(things.filter((_, at) => at !== index)).map((rest) => [first, ...rest]),
  );
}

/** What every ledger must make of reports that come in another order than they were sent in. */
export function describeReportOrder(get: () => Ledger): void {
  describe('when reports overtake one another', () => {
    let scheduler: number;

    beforeEach(async () => {
      [scheduler = 0] = await startSchedulers(get(), 1);
      await enrolHosts(get(), scheduler, 2);
    });

    const accept = async (type: 'delete_task' | 'get_task' = 'delete_task') => {
      const { jobId, messages } = await get().writer.execute('accept-job', aJob({ type }));
      return { jobId, message: messages[0]! };
    };
    const record = async (report: OrderReport): Promise<RecordedReport['status']> =>
      (await get().writer.execute('record-report', { atMs: START_MS, report })).status;
    const jobOf = async (jobId: number) => {
      const { job, clusters } = (await get().reader.findJob(jobId))!;
      const { deleted, absent, fenced, pending } = clusters[0]!.counts;
      const { phase, state, outcome } = job;
      return { phase, state, outcome, counts: { deleted, absent, fenced, pending } };
    };
    const runOf = (
      message: OutboxMessage,
      targets: readonly (readonly ReturnType<typeof aTarget>[])[],
      runStartedAtMs = RUN_MS,
    ): OrderReport[] =>
      targets.map((some, index) =>
        aReport(message, some, {
          ...{ run_started_at_ms: runStartedAtMs, number: index + 1 },
          is_last: index === targets.length - 1,
        }),
      );
    const ALL_OF_IT = {
      ...{ phase: 'ended', state: 'SUCCESS', outcome: 'complete' },
      counts: { deleted: 1, absent: 1, fenced: 0, pending: 0 },
    };

    it('ends a job as if they had come in their order, whatever order they come in', async () => {
      for (const order of permutations([0, 1, 2])) {
        const { jobId, message } = await accept();
        const reports = runOf(message, [[aTarget(1, 'deleted')], [aTarget(2, 'absent')], []]);
        let waiting = order.map((index) => reports[index]!);
        const seen: string[] = [];
        while (waiting.length > 0) {
          const early: OrderReport[] = [];
          for (const report of waiting) {
            const status = await record(report);
            if (status === 'early') early.push(report);
            seen.push(status);
          }
          expect(early.length).toBeLessThan(waiting.length);
          waiting = early;
        }
        expect([order, seen.filter((status) => status === 'recorded').length]).toEqual([order, 3]);
        expect(await jobOf(jobId)).toEqual(ALL_OF_IT);
      }
    });

    it.each(['delete_task', 'get_task'] as const)(
      'does not end a %s by a last report while a former one is away',
      async (type) => {
        const { jobId, message } = await accept(type);
        const outcome = type === 'get_task' ? 'answered' : 'deleted';
        const [first, last] = runOf(message, [[aTarget(1, outcome)], [aTarget(2, 'absent')]]);
        expect(await record(last!)).toBe('early');
        expect(await jobOf(jobId)).toMatchObject({ phase: 'accepted', state: 'PENDING' });
        expect(await record(first!)).toBe('recorded');
        expect(await record(last!)).toBe('recorded');
        expect(await jobOf(jobId)).toMatchObject({ phase: 'ended', state: 'SUCCESS' });
      },
    );

    it('takes a report once, also when it comes again later', async () => {
      const { jobId, message } = await accept();
      const [first, second] = runOf(message, [
        [aTarget(1, 'deleted')],
        [aTarget(2, 'pending')],
        [],
      ]);
      expect(await record(first!)).toBe('recorded');
      expect(await record(first!)).toBe('known');
      expect(await record(second!)).toBe('recorded');
      expect(await record(first!)).toBe('known');
      expect((await jobOf(jobId)).counts).toMatchObject({ deleted: 1, pending: 1 });
    });

    it('takes the whole of a later run of an attempt, and nothing more of the former one', async () => {
      const { jobId, message } = await accept();
      const former = runOf(message, [[aTarget(1, 'pending')], [aTarget(2, 'absent')]]);
      const later = runOf(message, [[aTarget(1, 'deleted')], [aTarget(2, 'absent')]], RUN_MS + 1);
      expect(await record(former[0]!)).toBe('recorded');
      expect(await record(later[1]!)).toBe('early');
      expect(await record(later[0]!)).toBe('recorded');
      expect(await record(former[1]!)).toBe('stale-run');
      expect(await jobOf(jobId)).toMatchObject({ phase: 'running' });
      expect(await record(later[1]!)).toBe('recorded');
      expect(await jobOf(jobId)).toEqual(ALL_OF_IT);
    });

    it('begins anew with each attempt', async () => {
      const { jobId, message } = await accept();
      const sentAt = { atMs: START_MS, messages: [message] };
      await get().writer.execute('mark-sent', sentAt);
      expect(await record(runOf(message, [[aTarget(1, 'deleted')], []])[0]!)).toBe('recorded');
      await startSchedulers(get(), 1, START_MS + 20_000);
      await get().writer.execute('expire-leases', { atMs: START_MS + 20_000 });
      const [again] = await get().reader.listUnsentMessages(10);
      // Its clock is behind that of the one that had the order first.
      const reports = runOf(again!, [[aTarget(1, 'absent')], [aTarget(2, 'absent')]], 1).map(
        (report) => ({ ...report, attempt: 2 }),
      );
      for (const report of reports) expect(await record(report)).toBe('recorded');
      expect(await jobOf(jobId)).toEqual(ALL_OF_IT);
    });

    it('goes by what it has of every host that the order names, not by what a scheduler says of the end', async () => {
      const { jobId, message } = await accept();
      await record(aReport(message, [aTarget(1, 'deleted')], { is_last: true }));
      expect(await jobOf(jobId)).toMatchObject({ phase: 'running', state: 'PENDING' });
      const { id } = aHost(2);
      const daemon = { incarnation: 'aa'.repeat(16), lock: 'cc'.repeat(16) };
      await get().writer.execute('record-later', {
        ...{ atMs: START_MS, clusterId: 1 },
        epoch: (await get().reader.findLogState(1))!.epoch,
        outcomes: [{ hostId: id, seq: 1, outcome: 'absent', daemon }],
      });
      expect(await jobOf(jobId)).toEqual(ALL_OF_IT);
    });

    it('fences whom a scheduler has left out, and ends with that', async () => {
      const { jobId, message } = await accept();
      await record(aReport(message, [aTarget(1, 'deleted')], { is_last: true }));
      const fence = { atMs: START_MS + 11_000, jobId, clusterId: 1 };
      await get().writer.execute('fence-targets', fence);
      expect(await jobOf(jobId)).toEqual({
        ...{ phase: 'ended', state: 'SUCCESS', outcome: 'complete' },
        counts: { deleted: 1, absent: 0, fenced: 1, pending: 0 },
      });
    });

    it('waits until all are named whom only the scheduler knows', async () => {
      // One foreign daemon, which the ledger knows: others may be there that it does not.
      await get().writer.execute('enrol-hosts', {
        ...{ atMs: START_MS, clusterId: 1, schedulerId: scheduler, closed: [] },
        schedulerIncarnation: '51'.repeat(16),
        opened: [{ host: aHost(3), incarnation: '', connection: 3 }],
      });
      const { jobId, message } = await accept();
      const named = aReport(message, [aTarget(3, 'absent')], { names_follow: true });
      await record(named);
      const fence = { atMs: START_MS + 11_000, jobId, clusterId: 1 };
      await get().writer.execute('fence-targets', fence);
      expect(await jobOf(jobId)).toMatchObject({ phase: 'running', state: 'PENDING' });
      await record(aReport(message, [aTarget(4, 'pending')]));
      expect(await jobOf(jobId)).toMatchObject({ phase: 'running', state: 'PENDING' });
      await record(aReport(message, [aTarget(4, 'deleted')]));
      expect(await jobOf(jobId)).toMatchObject({ phase: 'ended', state: 'SUCCESS' });
    });
  });
}
