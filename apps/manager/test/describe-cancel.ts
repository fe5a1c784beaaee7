import { ORDER_LEASE_MS } from '@pondhawk/jobs';
import type { Ledger, OutboxMessage } from '../src/ledger/index.js';
import {
  START_MS,
  aJob,
  aReport,
  aTarget,
  enrolHosts,
  startSchedulers,
} from './ledger-fixtures.js';

const SOON_MS = START_MS + 1_000;
const SPARED = { code: 'CANCELLED', message: 'No such order.' };

/** What every ledger must do with jobs that are cancelled, whichever database it lies in. */
export function describeCancel(get: () => Ledger): void {
  describe('when a job is cancelled', () => {
    const accept = async (): Promise<{ jobId: number; messages: readonly OutboxMessage[] }> =>
      get().writer.execute('accept-job', aJob());
    const cancel = (jobId: number, atMs = SOON_MS) =>
      get().writer.execute('cancel-job', { atMs, jobId });
    const unsent = () => get().reader.listUnsentMessages(10);
    const send = async (): Promise<void> => {
      await get().writer.execute('mark-sent', { atMs: START_MS, messages: await unsent() });
    };
    const report = (
      message: OutboxMessage,
      targets: Parameters<typeof aReport>[1],
      facts: Parameters<typeof aReport>[2] = {},
    ) =>
      get().writer.execute('record-report', {
        atMs: SOON_MS,
        report: aReport(message, targets, facts),
      });
    const find = async (jobId: number) => (await get().reader.findJob(jobId))!;
    const endOf = async (jobId: number) => {
      const { job, clusters } = await find(jobId);
      return { state: job.state, outcome: job.outcome, counts: clusters[0]!.counts };
    };

    it('ends at once while no scheduler was sent anything, with every host skipped', async () => {
      const [id = 0] = await startSchedulers(get(), 1);
      await enrolHosts(get(), id, 3);
      const { jobId } = await accept();
      const { ended } = await cancel(jobId);
      expect(ended).toMatchObject({
        ...{ jobId, type: 'delete_task' },
        ...{ state: 'FAILURE', outcome: 'cancelled' },
      });
      expect(await endOf(jobId)).toMatchObject({ counts: { skipped: 3, pending: 0 } });
      expect(await unsent()).toEqual([]);
      const { targets, clusters } = await find(jobId);
      expect(targets.map(({ code }) => code)).toEqual(Array(3).fill('CANCELLED'));
      expect(clusters[0]).toMatchObject({ purgeSeq: 1, orders: [{ state: 'cancelled' }] });
    });

    it('ends one at once that waits for a scheduler, and gives it to none that comes', async () => {
      const { jobId } = await accept();
      await cancel(jobId);
      expect(await endOf(jobId)).toMatchObject({ state: 'FAILURE', outcome: 'cancelled' });
      await startSchedulers(get(), 1, SOON_MS);
      expect(await unsent()).toEqual([]);
    });

    it('tells schedulers that have it, and waits for what they are at', async () => {
      const [id = 0] = await startSchedulers(get(), 1);
      await enrolHosts(get(), id, 3);
      const { jobId, messages } = await accept();
      const [order] = messages;
      await send();
      await report(order!, [aTarget(1, 'pending'), aTarget(2, 'deleted')]);
      expect(await cancel(jobId)).toEqual({});
      const [message] = await unsent();
      expect(message).toMatchObject({ type: 'cancel', schedulerId: id, orderId: order!.orderId });
      expect(JSON.parse(message!.payload)).toEqual({
        ...{ format: 1, order_id: order!.orderId, job_id: jobId, attempt: 1 },
        ...{ scheduler_cluster_id: 1, scheduler_id: id },
      });
      expect((await find(jobId)).job).toMatchObject({ phase: 'running', cancelledAtMs: SOON_MS });
      const spared = aTarget(3, 'skipped', { code: 'CANCELLED' });
      await report(order!, [aTarget(1, 'deleted'), spared], { is_last: true });
      expect(await endOf(jobId)).toMatchObject({
        ...{ state: 'FAILURE', outcome: 'cancelled', counts: { deleted: 2, skipped: 1 } },
      });
      expect(await unsent()).toEqual([]);
    });

    it('is judged as usual when the cancel came too late to spare anybody', async () => {
      const [id = 0] = await startSchedulers(get(), 1);
      await enrolHosts(get(), id, 1);
      const { jobId, messages } = await accept();
      await send();
      await cancel(jobId);
      await report(messages[0]!, [aTarget(1, 'deleted')], { is_last: true });
      expect(await endOf(jobId)).toMatchObject({ state: 'SUCCESS', outcome: 'complete' });
    });

    it('ends when the scheduler says that it has nothing of it, and skips whom it had named', async () => {
      const [id = 0] = await startSchedulers(get(), 1);
      await enrolHosts(get(), id, 2);
      const { jobId, messages } = await accept();
      await send();
      await report(messages[0]!, [aTarget(1, 'pending')]);
      await cancel(jobId);
      await report(messages[0]!, [], { is_last: true, error: SPARED });
      expect(await endOf(jobId)).toMatchObject({
        ...{ state: 'FAILURE', outcome: 'cancelled', counts: { pending: 0, skipped: 2 } },
      });
      expect((await report(messages[0]!, [], { is_last: true, error: SPARED })).status).toBe(
        'job-ended',
      );
    });

    it('goes to no other scheduler when its own falls silent, and ends', async () => {
      const [id = 0] = await startSchedulers(get(), 2);
      await enrolHosts(get(), id, 2);
      const { jobId, messages } = await accept();
      await send();
      for (const message of messages) await report(message, []);
      await cancel(jobId);
      await send();
      const { takenOver } = await get().writer.execute('expire-leases', {
        atMs: SOON_MS + ORDER_LEASE_MS,
      });
      expect([takenOver, await unsent()]).toEqual([[], []]);
      expect(await endOf(jobId)).toMatchObject({
        ...{ state: 'FAILURE', outcome: 'cancelled', counts: { skipped: 2 } },
      });
    });

    it('changes nothing the second time, also after its end', async () => {
      const { jobId } = await accept();
      await cancel(jobId);
      const before = await find(jobId);
      expect(await cancel(jobId, SOON_MS + 1)).toEqual({});
      expect(await find(jobId)).toEqual(before);
    });

    it('refuses one that ended by itself, and one that is not there', async () => {
      const [id = 0] = await startSchedulers(get(), 1);
      await enrolHosts(get(), id, 1);
      const { jobId, messages } = await accept();
      await report(messages[0]!, [aTarget(1, 'deleted')], { is_last: true });
      await expect(cancel(jobId)).rejects.toMatchObject({ code: 'JOB_ENDED' });
      await expect(cancel(jobId + 1)).rejects.toMatchObject({ code: 'JOB_NOT_FOUND' });
    });
  });
}
