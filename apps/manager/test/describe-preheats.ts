import { unpackHosts } from '@pondhawk/contracts';
import type { AcceptJob, AcceptedJob, Ledger, OutboxMessage } from '../src/ledger/index.js';
import {
  START_MS,
  aJob,
  aReport,
  aTarget,
  enrolHosts,
  startSchedulers,
} from './ledger-fixtures.js';

const SOON_MS = START_MS + 1_000;
const TASK = 'a'.repeat(64);
const TICKET = '0f'.repeat(16);

/** What every ledger must do with preheats, whichever database it lies in. */
export function describePreheats(get: () => Ledger): void {
  describe('when a preheat is ordered', () => {
    const accept = (facts: Partial<AcceptJob> = {}): Promise<AcceptedJob> =>
      get().writer.execute('accept-job', aJob(facts));
    const preheat = (taskIds = [TASK], rule: object = {}): Promise<AcceptedJob> =>
      accept({
        type: 'preheat',
        args: { type: 'file', task_ids: taskIds },
        orderArgs: { ticket: TICKET, task_ids: taskIds, scope: 'all_peers', ...rule },
        sealed: 'c2VhbGVk',
      });
    const find = async (jobId: number) => (await get().reader.findJob(jobId))!;
    const stateOf = async (jobId: number) => (await find(jobId)).clusters[0]?.orders[0]?.state;
    const unsent = async (jobId: number): Promise<OutboxMessage | undefined> => {
      const messages = await get().reader.listUnsentMessages(100);
      return messages.find((message) => message.jobId === jobId);
    };
    const end = (message: OutboxMessage, targets: Parameters<typeof aReport>[1]) =>
      get().writer.execute('record-report', {
        atMs: SOON_MS,
        report: aReport(message, targets, { is_last: true }),
      });
    const payloadOf = ({ payload }: OutboxMessage) =>
      JSON.parse(payload) as { args: object; hosts: string; only_named: boolean };
    const start = async (hostCount: number): Promise<void> => {
      const [id = 0] = await startSchedulers(get(), 1);
      await enrolHosts(get(), id, hostCount);
    };

    it('names the hosts that are connected, and the scheduler gets no more than the ticket', async () => {
      await start(3);
      const { jobId, messages, detail } = await preheat();
      const [message] = messages;
      const { args, hosts, only_named } = payloadOf(message!);
      expect([args, only_named, unpackHosts(hosts).length]).toEqual([{ ticket: TICKET }, true, 3]);
      expect(detail).toEqual(await find(jobId));
      const order = { schedulerId: message?.schedulerId, attempt: 1, ticket: TICKET };
      expect(await get().reader.findSealedOrder(message!.orderId)).toEqual({
        ...{ ...order, sealed: 'c2VhbGVk' },
      });
    });

    it('tells what is sealed to nobody once the order has ended', async () => {
      await start(1);
      const { jobId, messages } = await preheat();
      await end(messages[0]!, [aTarget(1, 'preheated')]);
      expect((await find(jobId)).job).toMatchObject({ state: 'SUCCESS', outcome: 'complete' });
      expect(await get().reader.findSealedOrder(messages[0]!.orderId)).toBeUndefined();
    });

    it('begins when the delete of one of its tasks has ended, with the hosts of then', async () => {
      await start(1);
      const [{ messages }, { jobId, messages: none }] = await Promise.all([accept(), preheat()]);
      expect([none, await stateOf(jobId), await unsent(jobId)]).toEqual([[], 'blocked', undefined]);
      await start(2);
      await end(messages[0]!, [aTarget(1, 'deleted'), aTarget(2, 'absent')]);
      const message = await unsent(jobId);
      expect([await stateOf(jobId), unpackHosts(payloadOf(message!).hosts).length]).toEqual([
        ...['queued', 2],
      ]);
    });

    it('waits for its like in order, for those of other tasks not, and no delete waits for it', async () => {
      await start(1);
      const other = 'b'.repeat(64);
      const first = await preheat([TASK, other]);
      const second = await preheat([other]);
      const third = await preheat(['c'.repeat(64)]);
      const clear = await accept();
      expect(await Promise.all([first, second, third].map(({ jobId }) => stateOf(jobId)))).toEqual([
        ...['queued', 'blocked', 'queued'],
      ]);
      expect(clear.messages).toHaveLength(1);
      await end(first.messages[0]!, [aTarget(1, 'preheated')]);
      expect(await stateOf(second.jobId)).toBe('queued');
    });

    it('ends by its time limit though it is blocked, and by a cancel', async () => {
      await start(1);
      await accept();
      const [late, spared] = [await preheat(), await preheat()];
      await get().writer.execute('cancel-job', { atMs: SOON_MS, jobId: spared.jobId });
      expect((await find(spared.jobId)).job).toMatchObject({ phase: 'ended' });
      await get().writer.execute('expire-jobs', { atMs: START_MS + 60_000 });
      expect((await find(late.jobId)).job).toMatchObject({ outcome: 'timed_out' });
    });

    it('is tried again with hosts chosen anew and the same seal', async () => {
      await start(2);
      const { jobId, messages } = await preheat();
      const failed = { code: 'ORIGIN_STATUS', message: '404' };
      await end(messages[0]!, [aTarget(1, 'preheated'), aTarget(2, 'failed', failed)]);
      expect((await find(jobId)).job.outcome).toBe('partial');
      const again = await get().writer.execute('retry-job', {
        ...{ atMs: SOON_MS, jobId, userId: 3, uuid: 'again' },
      });
      const [message] = again.messages;
      expect(unpackHosts(payloadOf(message!).hosts)).toHaveLength(2);
      expect((await get().reader.findSealedOrder(message!.orderId))?.sealed).toBe('c2VhbGVk');
    });
  });
}
