import type { Ledger, LedgerChange } from '../src/ledger/index.js';
import { START_MS, aJob, aReport, startSchedulers } from './ledger-fixtures.js';

/** What every ledger must do with messages to the broker, whichever database it lies in. */
export function describeOutbox(get: () => Ledger): void {
  describe('when messages are sent', () => {
    const take = async () => {
      const messages = await get().reader.listUnsentMessages(10);
      await get().writer.execute('mark-sent', { atMs: START_MS, messages });
      return messages;
    };

    it('sends everything unfinished again under another epoch once the broker was lost', async () => {
      await startSchedulers(get(), 1);
      const { messages } = await get().writer.execute('accept-job', aJob());
      const done = await get().writer.execute('accept-job', aJob());
      expect(await take()).toEqual([...messages, ...done.messages]);
      expect(await get().reader.listUnsentMessages(10)).toEqual([]);
      const report = aReport(done.messages[0]!, [], { is_last: true });
      await get().writer.execute('record-report', { atMs: START_MS, report });
      const { epoch } = await get().reader.loadBroker();
      const times = { jobsCreated: 'then', reportsCreated: 'later' };
      await get().writer.execute('record-streams', { atMs: START_MS, epoch, ...times });
      expect(await get().reader.loadBroker()).toEqual({ epoch, ...times, formerEpoch: '' });
      const changes: LedgerChange[] = [];
      get().writer.onCommitted((committed) => changes.push(...committed));
      const lost = { atMs: START_MS, lostEpoch: epoch, newEpoch: 'b2'.repeat(16) };
      const renewed = { epoch: lost.newEpoch, resentCount: 1 };
      expect(await get().writer.execute('renew-broker', lost)).toEqual(renewed);
      expect(changes).toEqual([{ jobId: messages[0]?.jobId, kind: 'order-queued' }]);
      expect(await get().reader.loadBroker()).toEqual({
        ...{ epoch: lost.newEpoch, jobsCreated: '', reportsCreated: '' },
        formerEpoch: epoch,
      });
      expect(await get().reader.listUnsentMessages(10)).toEqual([{ ...messages[0], sendCount: 1 }]);
      const again = { ...lost, newEpoch: 'b3'.repeat(16) };
      expect(await get().writer.execute('renew-broker', again)).toEqual({
        ...{ epoch: lost.newEpoch, resentCount: 0 },
      });
    });

    it('does not take a message for sent that must be sent again meanwhile', async () => {
      await startSchedulers(get(), 1);
      const { messages } = await get().writer.execute('accept-job', aJob());
      const { epoch: lostEpoch } = await get().reader.loadBroker();
      const lost = { atMs: START_MS, lostEpoch, newEpoch: 'b2'.repeat(16) };
      await get().writer.execute('renew-broker', lost);
      await get().writer.execute('mark-sent', { atMs: START_MS, messages });
      expect(await get().reader.listUnsentMessages(10)).toHaveLength(1);
    });
  });
}
