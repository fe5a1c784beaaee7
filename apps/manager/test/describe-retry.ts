import { unpackHosts } from '@pondhawk/contracts';
import type { AcceptedJob, Ledger, OutboxMessage } from '../src/ledger/index.js';
import {
  START_MS,
  aJob,
  aReport,
  aTarget,
  enrolHosts,
  startSchedulers,
} from './ledger-fixtures.js';

const SOON_MS = START_MS + 1_000;

/** A host that says itself that it could not; one that is not reached is waited for until it is fenced. */
const broken = (index: number) =>
  aTarget(index, 'failed', { code: 'UNLINK_FAILED', message: 'EIO' });

/** What every ledger must do with jobs that are tried again, whichever database it lies in. */
export function describeRetry(get: () => Ledger): void {
  describe('when a job is tried again', () => {
    const retry = (jobId: number, uuid = `r${jobId}`): Promise<AcceptedJob> =>
      get().writer.execute('retry-job', { atMs: SOON_MS, jobId, userId: 3, uuid });
    const report = (
      message: OutboxMessage,
      targets: Parameters<typeof aReport>[1],
      facts: Parameters<typeof aReport>[2] = { is_last: true },
    ) =>
      get().writer.execute('record-report', {
        atMs: SOON_MS,
        report: aReport(message, targets, facts),
      });
    const find = async (jobId: number) => (await get().reader.findJob(jobId))!;
    const payloadOf = ({ payload }: OutboxMessage) =>
      JSON.parse(payload) as { hosts: string; only_named?: boolean; purge: { seq: number } };
    const named = (message: OutboxMessage) =>
      unpackHosts(payloadOf(message).hosts).map(({ host_name }) => host_name);
    const start = async (hostCount: number, schedulerCount = 1): Promise<AcceptedJob> => {
      const [id = 0] = await startSchedulers(get(), schedulerCount);
      await enrolHosts(get(), id, hostCount);
      return get().writer.execute('accept-job', aJob());
    };

    it('asks those that failed and no others, under the same number, and is whole with them', async () => {
      const { jobId, messages } = await start(3);
      await report(messages[0]!, [aTarget(1, 'deleted'), broken(2), aTarget(3, 'absent')]);
      const again = await retry(jobId);
      const [order] = again.messages;
      expect([named(order!), payloadOf(order!).only_named]).toEqual([['h00002'], true]);
      expect(payloadOf(order!).purge.seq).toBe(1);
      expect((await find(again.jobId)).job).toMatchObject({ retryOf: jobId, userId: 3 });
      await report(order!, [aTarget(2, 'deleted')]);
      const { job, clusters } = await find(again.jobId);
      expect([job.state, job.outcome, clusters[0]?.settledCount]).toEqual([
        ...['SUCCESS', 'complete', 2],
      ]);
      expect((await find(jobId)).job).toMatchObject({ state: 'FAILURE', outcome: 'partial' });
      const next = await get().writer.execute('accept-job', aJob());
      expect((await find(next.jobId)).clusters[0]?.purgeSeq).toBe(2);
    });

    it('is partial, not failed, when only what had ended before has ended well; and goes on from there', async () => {
      const { jobId, messages } = await start(2);
      await report(messages[0]!, [aTarget(1, 'deleted'), broken(2)]);
      const second = await retry(jobId);
      await report(second.messages[0]!, [broken(2)]);
      expect((await find(second.jobId)).job).toMatchObject({
        state: 'FAILURE',
        outcome: 'partial',
      });
      const third = await retry(second.jobId);
      expect(named(third.messages[0]!)).toEqual(['h00002']);
      await report(third.messages[0]!, [aTarget(2, 'absent')]);
      expect((await find(third.jobId)).clusters[0]?.settledCount).toBe(1);
      expect((await find(third.jobId)).job.state).toBe('SUCCESS');
    });

    it('asks all of an order that was not carried out, and whoever is known besides', async () => {
      const { jobId, messages } = await start(2);
      const error = { code: 'ORDER_REFUSED', message: 'No.' };
      await report(messages[0]!, [], { is_last: true, error });
      const [order] = (await retry(jobId)).messages;
      expect([named(order!).sort(), payloadOf(order!).only_named]).toEqual([
        ...[['h00001', 'h00002'], undefined],
      ]);
    });

    it('waits for a scheduler while there is none, and asks the same hosts then', async () => {
      const { jobId, messages } = await start(2);
      await report(messages[0]!, [aTarget(1, 'deleted'), broken(2)]);
      const lateMs = START_MS + 60_000;
      const again = await get().writer.execute('retry-job', {
        ...{ atMs: lateMs, jobId, userId: 0, uuid: 'late' },
      });
      expect(again.messages).toEqual([]);
      await startSchedulers(get(), 1, lateMs + 1);
      const [message] = await get().reader.listUnsentMessages(10);
      expect([named(message!), payloadOf(message!).only_named]).toEqual([['h00002'], true]);
    });

    it('is given to the same job twice under one key, and once at a time without', async () => {
      const { jobId, messages } = await start(1);
      await report(messages[0]!, [broken(1)]);
      const keyed = (uuid: string) =>
        get().writer.execute('retry-job', {
          ...{ atMs: SOON_MS, jobId, userId: 3, uuid },
          idempotency: { key: '3 k', requestHash: `retry of ${jobId}` },
        });
      const [first, second] = await Promise.all([keyed('u1'), keyed('u2')]);
      expect([second.jobId, second.isRepeated]).toEqual([first.jobId, true]);
      await expect(retry(jobId)).rejects.toMatchObject({
        ...{ code: 'RETRY_UNDER_WAY', details: { jobId: first.jobId } },
      });
    });

    it('is refused while the job goes on, when all ended well, and when there is none', async () => {
      const { jobId, messages } = await start(1);
      await expect(retry(jobId)).rejects.toMatchObject({ code: 'JOB_NOT_FINISHED' });
      await report(messages[0]!, [aTarget(1, 'deleted')]);
      await expect(retry(jobId)).rejects.toMatchObject({ code: 'NOTHING_TO_RETRY' });
      await expect(retry(jobId + 1)).rejects.toMatchObject({ code: 'JOB_NOT_FOUND' });
    });

    it('is refused for a delete whose log has begun anew, and not for a question', async () => {
      const { jobId, messages } = await start(1);
      await report(messages[0]!, [broken(1)]);
      const question = await get().writer.execute('accept-job', aJob({ type: 'get_task' }));
      await report(question.messages[0]!, [broken(1)]);
      const { epoch } = await get().writer.execute('renew-log-id', {
        ...{ atMs: SOON_MS, clusterId: 1, epoch: 'e1'.repeat(16), hostId: 'h' },
        ...{ seq: 9, chainHash: 'x', newEpoch: 'e2'.repeat(16) },
      });
      expect(epoch).toBe('e2'.repeat(16));
      await expect(retry(jobId)).rejects.toMatchObject({ code: 'PURGE_NOT_LOGGED' });
      expect((await retry(question.jobId)).messages).toHaveLength(1);
    });
  });
}
