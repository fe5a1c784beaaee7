import { unpackHosts } from '@pondhawk/contracts';
import { ORDER_LEASE_MS, ORDER_UNHEARD_MS_MAX } from '@pondhawk/jobs';
import type { Ledger, OutboxMessage, RecordedReport } from '../src/ledger/index.js';
import {
  START_MS,
  aJob,
  aReport,
  aTarget,
  enrolHosts,
  startSchedulers,
} from './ledger-fixtures.js';

interface Payload {
  readonly attempt: number;
  readonly scheduler_id: number;
  readonly home_scheduler_id: number;
  readonly schedulers: readonly { readonly id: number }[];
  readonly hosts: string;
}

/** What every ledger must do with the attempts of orders, whichever database it lies in. */
export function describeAttempts(get: () => Ledger): void {
  describe('when no word comes of an order', () => {
    let ids: number[];
    let first: OutboxMessage;

    beforeEach(async () => {
      ids = await startSchedulers(get(), 2);
      await enrolHosts(get(), ids[0]!, 2);
      first = (await get().writer.execute('accept-job', aJob())).messages[0]!;
    });

    const unsent = () => get().reader.listUnsentMessages(10);
    const send = async (atMs: number): Promise<void> => {
      await get().writer.execute('mark-sent', { atMs, messages: await unsent() });
    };
    const lapse = (atMs: number) => get().writer.execute('expire-leases', { atMs });
    const keepAlive = (atMs: number) => startSchedulers(get(), 2, atMs);
    const report = (
      message: OutboxMessage,
      atMs: number,
      facts: Parameters<typeof aReport>[2] = {},
    ): Promise<RecordedReport> =>
      get().writer.execute('record-report', { atMs, report: aReport(message, [], facts) });
    const orderStates = async ({ jobId, orderId }: OutboxMessage) => {
      const orders = (await get().reader.findJob(jobId))?.clusters[0]?.orders ?? [];
      return { firstOrder: orders.find(({ id }) => id === orderId)?.state };
    };
    const payloadOf = (message: OutboxMessage) => JSON.parse(message.payload) as Payload;

    it('gives one that was begun to the other scheduler 15 s after its last report, an empty one too', async () => {
      await send(START_MS);
      await report(first, START_MS + 1_000);
      await report(first, START_MS + 6_000);
      await keepAlive(START_MS + 10_000);
      expect((await get().reader.findOverdue(START_MS + 20_999)).leases).toBe(false);
      expect((await lapse(START_MS + 6_000 + ORDER_LEASE_MS - 1)).takenOver).toEqual([]);
      expect((await get().reader.findOverdue(START_MS + 21_000)).leases).toBe(true);
      const { jobId, orderId } = first;
      await keepAlive(START_MS + 21_000);
      expect((await lapse(START_MS + 21_000)).takenOver).toEqual([
        { jobId, orderId, formerAttempt: 1, formerSchedulerId: ids[0], schedulerId: ids[1] },
      ]);
      const [message] = await unsent();
      expect(message).toMatchObject({ orderId, schedulerId: ids[1], sendCount: 0 });
      expect(message?.id).not.toBe(first.id);
      expect(payloadOf(message!)).toMatchObject({
        ...{ attempt: 2, scheduler_id: ids[1], home_scheduler_id: ids[0] },
        schedulers: ids.map((id) => ({ id })),
        hosts: payloadOf(first).hosts,
      });
    });

    it('gives it on again when the next scheduler falls silent as well', async () => {
      await send(START_MS);
      await report(first, START_MS);
      await keepAlive(START_MS + 15_000);
      await lapse(START_MS + 15_000);
      const [second] = await unsent();
      await send(START_MS + 15_000);
      await report(second!, START_MS + 16_000, { attempt: 2 });
      await keepAlive(START_MS + 31_000);
      expect((await lapse(START_MS + 31_000)).takenOver).toMatchObject([
        { orderId: first.orderId, formerAttempt: 2, schedulerId: ids[0] },
      ]);
      const [third] = await unsent();
      const { firstOrder } = await orderStates(first);
      expect([payloadOf(third!).attempt, firstOrder]).toEqual([3, 'queued']);
    });

    it('refuses whatever still comes of a former attempt, and takes the new one', async () => {
      await send(START_MS);
      await report(first, START_MS + 1_000);
      await keepAlive(START_MS + 20_000);
      await lapse(START_MS + 20_000);
      const [second] = await unsent();
      const late = { targets: [aTarget(1, 'failed')], is_last: true };
      for (const facts of [late, { ...late, scheduler_id: ids[1]! }, { ...late, attempt: 2 }]) {
        expect(await report(first, START_MS + 21_000, facts)).toMatchObject({
          status: 'stale-attempt',
        });
      }
      const facts = { attempt: 2, targets: [aTarget(1, 'deleted')] };
      expect(await report(second!, START_MS + 21_000, facts)).toMatchObject({
        ...{ status: 'recorded', changedTargetCount: 1 },
      });
      const detail = await get().reader.findJob(first.jobId);
      expect(detail?.clusters[0]?.counts).toMatchObject({ deleted: 1, failed: 0 });
    });

    it('names to the next scheduler also the hosts that the former had found besides', async () => {
      await send(START_MS);
      const targets = [aTarget(1, 'deleted'), aTarget(7, 'pending'), aTarget(2, 'pending')];
      await report(first, START_MS + 1_000, { targets });
      await keepAlive(START_MS + 20_000);
      await lapse(START_MS + 20_000);
      const [second] = await unsent();
      const named = (message: OutboxMessage) =>
        unpackHosts(payloadOf(message).hosts).map(({ host_name }) => host_name);
      expect(named(second!).sort()).toEqual(
        [...new Set([...named(first), 'h00002', 'h00007'])].sort(),
      );
    });

    it('leaves one that was never sent alone, and one in the queue of an active scheduler for two minutes', async () => {
      expect((await lapse(START_MS + 3_600_000)).takenOver).toEqual([]);
      await send(START_MS);
      const soon = START_MS + ORDER_LEASE_MS;
      expect((await get().reader.findOverdue(soon - 1)).leases).toBe(false);
      await keepAlive(soon);
      expect((await lapse(soon)).takenOver).toEqual([]);
      await keepAlive(START_MS + ORDER_UNHEARD_MS_MAX);
      expect((await lapse(START_MS + ORDER_UNHEARD_MS_MAX - 1)).takenOver).toEqual([]);
      expect((await lapse(START_MS + ORDER_UNHEARD_MS_MAX)).takenOver).toHaveLength(2);
    });

    it('gives the orders of a scheduler that is gone to the one that is left', async () => {
      await send(START_MS);
      await get().writer.execute('keep-alive', {
        ...{ atMs: START_MS + 16_000, source: 'scheduler', clusterId: 1 },
        ...{ hostName: 's2', ip: '127.0.0.1' },
      });
      const { takenOver } = await lapse(START_MS + 16_000);
      expect(takenOver).toMatchObject([{ formerSchedulerId: ids[0], schedulerId: ids[1] }]);
    });

    it('lets it wait for a scheduler while none is active, and fails it and its hosts after 30 s', async () => {
      await send(START_MS);
      await report(first, START_MS, { targets: [aTarget(1, 'pending'), aTarget(2, 'deleted')] });
      const goneAtMs = START_MS + 15_000;
      const { takenOver } = await lapse(goneAtMs);
      expect(takenOver.map(({ schedulerId }) => schedulerId)).toEqual([undefined, undefined]);
      expect(await unsent()).toEqual([]);
      expect(await report(first, goneAtMs, { is_last: true })).toMatchObject({
        status: 'stale-attempt',
      });
      const { ended } = await get().writer.execute('expire-jobs', { atMs: goneAtMs + 30_000 });
      expect(ended).toMatchObject([{ state: 'FAILURE', outcome: 'partial' }]);
      const detail = await get().reader.findJob(first.jobId);
      expect(detail?.targets.find(({ outcome }) => outcome === 'failed')).toMatchObject({
        ...{ host: { host_name: 'h00001' }, code: 'NO_ACTIVE_SCHEDULER' },
      });
    });

    it('goes on under the next attempt when a scheduler comes back in time', async () => {
      await send(START_MS);
      await lapse(START_MS + 15_000);
      await keepAlive(START_MS + 20_000);
      const messages = await unsent();
      expect(messages.map((message) => payloadOf(message).attempt)).toEqual([2, 2]);
      expect(messages.map((message) => payloadOf(message).home_scheduler_id)).toEqual(ids);
    });

    it('begins a lease anew when the broker was lost, with the sending', async () => {
      await send(START_MS);
      const { epoch: lostEpoch } = await get().reader.loadBroker();
      const lost = { atMs: START_MS + 1, lostEpoch, newEpoch: 'b2'.repeat(16) };
      await get().writer.execute('renew-broker', lost);
      expect((await lapse(START_MS + 3_600_000)).takenOver).toEqual([]);
      await send(START_MS + 3_600_000);
      expect((await lapse(START_MS + 3_600_000 + ORDER_LEASE_MS)).takenOver).toHaveLength(2);
    });

    it('ends pending hosts with an order that could not be carried out', async () => {
      await send(START_MS);
      await report(first, START_MS, { targets: [aTarget(1, 'pending')] });
      const error = { code: 'ORDER_REFUSED', message: 'No.' };
      await report(first, START_MS, { is_last: true, error });
      const [target] = (await get().reader.findJob(first.jobId))!.targets;
      expect(target).toMatchObject({ outcome: 'failed', ...error });
    });
  });
}
