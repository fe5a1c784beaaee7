import { schedulerNode, schedulerRecord } from '@pondhawk/contracts';
import { ORDER_LEASE_MS } from '@pondhawk/jobs';
import type { Ledger, OutboxMessage, TargetReport } from '../src/ledger/index.js';
import { START_MS, aHost, aJob, aReport, startSchedulers } from './ledger-fixtures.js';

const START = '51'.repeat(16);

/** What every ledger must do with jobs `sync_peers`, whichever database it lies in. */
export function describeSyncPeers(get: () => Ledger): void {
  describe('when schedulers are to tell their hosts', () => {
    const accept = () =>
      get().writer.execute('accept-job', aJob({ type: 'sync_peers', args: {}, orderArgs: {} }));
    const told = (schedulerId: number, facts: Partial<TargetReport> = {}): TargetReport => ({
      node: schedulerNode(schedulerId),
      host: schedulerRecord({ id: schedulerId, hostname: 's', ip: '127.0.0.1', port: 8000 }),
      ...{ try: 1, attempts: 1, outcome: 'answered', started_at_ms: START_MS, host_count: 7 },
      ...facts,
    });
    const report = (message: OutboxMessage, target?: TargetReport, facts = {}) =>
      get().writer.execute('record-report', {
        atMs: START_MS,
        report: aReport(message, target === undefined ? [] : [target], {
          is_last: true,
          ...facts,
        }),
      });
    const find = async (jobId: number) => (await get().reader.findJob(jobId))!;

    it('waits for each scheduler from its acceptance on, and is complete once all have told', async () => {
      const [first = 0, second = 0] = await startSchedulers(get(), 2);
      const { jobId, messages } = await accept();
      expect((await find(jobId)).clusters[0]?.counts).toMatchObject({ pending: 2 });
      for (const message of messages) {
        expect(JSON.parse(message.payload)).toMatchObject({ type: 'sync_peers', args: {} });
      }
      await report(messages[0]!, told(first));
      expect((await find(jobId)).job.phase).toBe('running');
      expect(await report(messages[1]!, told(second, { host_count: 0 }))).toMatchObject({
        ended: { state: 'SUCCESS', outcome: 'complete' },
      });
      const { targets } = await find(jobId);
      expect(targets.map(({ node, hostCount }) => [node, hostCount])).toEqual([
        [`scheduler:${first}`, 7],
        [`scheduler:${second}`, 0],
      ]);
    });

    it('is no SUCCESS when one could not', async () => {
      const [first = 0, second = 0] = await startSchedulers(get(), 2);
      const { jobId, messages } = await accept();
      await report(messages[0]!, told(first));
      const failed = { outcome: 'failed', code: 'DEADLINE_EXCEEDED', host_count: 0 } as const;
      await report(messages[1]!, told(second, failed));
      expect((await find(jobId)).job).toMatchObject({ state: 'FAILURE', outcome: 'partial' });
      await expect(
        get().writer.execute('retry-job', {
          ...{ atMs: START_MS, jobId, uuid: 'u', userId: 0, idempotency: undefined },
        }),
      ).rejects.toMatchObject({ code: 'NOTHING_TO_RETRY' });
    });

    it('gives the order of a dead scheduler to another, which tells in its name', async () => {
      const [first = 0, second = 0] = await startSchedulers(get(), 2);
      const { jobId, messages } = await accept();
      await get().writer.execute('mark-sent', { atMs: START_MS, messages });
      const living = messages.find(({ schedulerId }) => schedulerId === second)!;
      await report(living, told(second));
      // It has begun, and falls silent.
      await report(messages[0]!, undefined, { is_last: false });
      const atMs = START_MS + ORDER_LEASE_MS + 1;
      await startSchedulers(get(), 2, atMs);
      const { takenOver } = await get().writer.execute('expire-leases', { atMs });
      expect(takenOver).toMatchObject([{ formerSchedulerId: first, schedulerId: second }]);
      const [again] = await get().reader.listUnsentMessages(10);
      const payload = JSON.parse(again!.payload) as Record<string, unknown>;
      expect(payload).toMatchObject({ attempt: 2, home_scheduler_id: first });
      // Its pending target is no host that could be asked.
      const { hosts } = JSON.parse(messages[0]!.payload) as { readonly hosts: string };
      expect(payload['hosts']).toBe(hosts);
      await report(again!, told(first), { attempt: 2 });
      expect((await find(jobId)).job.outcome).toBe('complete');
    });

    it('has failed where no scheduler comes', async () => {
      const { jobId } = await accept();
      await get().writer.execute('expire-jobs', { atMs: START_MS + 30_000 });
      expect((await find(jobId)).job).toMatchObject({ state: 'FAILURE', outcome: 'failed' });
    });

    it('takes daemons that only announce themselves for lost when their scheduler does not list them', async () => {
      const [schedulerId = 0] = await startSchedulers(get(), 1);
      const enrol = (facts: object) =>
        get().writer.execute('enrol-hosts', {
          ...{ atMs: START_MS, clusterId: 1, schedulerId, schedulerIncarnation: START },
          ...{ opened: [], closed: [] },
          ...facts,
        });
      const opened = [1, 2, 3].map((index) => ({ host: aHost(index), connection: index }));
      await enrol({ opened });
      const states = async () => {
        const { items } = await get().reader.listPeers(START_MS, {}, { page: 1, perPage: 9 });
        return items.map(({ state }) => state);
      };
      await enrol({ completeUpTo: 2, stillOpen: [1] });
      // The third came after what was listed.
      expect(await states()).toEqual(['active', 'inactive', 'active']);
      await enrol({ completeUpTo: 3, stillOpen: [1, 3] });
      expect(await states()).toEqual(['active', 'inactive', 'active']);
      await enrol({ opened: [{ host: aHost(2), connection: 4 }], completeUpTo: 4, stillOpen: [1] });
      expect(await states()).toEqual(['active', 'active', 'inactive']);
    });
  });
}
