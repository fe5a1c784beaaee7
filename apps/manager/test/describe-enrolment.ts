import { OrderPayload, parsePayload, unpackHosts } from '@pondhawk/contracts';
import type { AcceptJob, Ledger } from '../src/ledger/index.js';
import { START_MS, aHost, aJob, enrolHosts, startSchedulers } from './ledger-fixtures.js';

const DAY_MS = 24 * 3_600_000;
const INCARNATION = '51'.repeat(16);

/** What every ledger must do with hosts, whichever database it lies in. */
export function describeEnrolment(get: () => Ledger): void {
  describe('when hosts are enrolled', () => {
    const close = (schedulerId: number, hostId: string, connection: number, facts = {}) =>
      get().writer.execute('enrol-hosts', {
        atMs: START_MS,
        clusterId: 1,
        schedulerId,
        schedulerIncarnation: INCARNATION,
        opened: [],
        closed: [{ hostId, connection, hasLeft: false }],
        ...facts,
      });
    const statesAt = async (nowMs: number) => {
      const { items } = await get().reader.listPeers(nowMs, {}, { page: 1, perPage: 100 });
      return items.map(({ state }) => state);
    };
    /** Names of the hosts that each order of a job accepted at `atMs` must account for. */
    const namedAt = async (atMs: number, facts: Partial<AcceptJob> = {}) => {
      const { messages } = await get().writer.execute('accept-job', aJob({ atMs, ...facts }));
      return messages.map(({ payload }) =>
        unpackHosts(parsePayload(OrderPayload, payload).hosts ?? '').map((host) => host.host_name),
      );
    };
    const keepAlive = (atMs: number) => startSchedulers(get(), 1, atMs);

    it('names each host in the order of its home scheduler, and in that alone', async () => {
      const [first] = await startSchedulers(get(), 2);
      await enrolHosts(get(), first!, 20);
      const [one = [], two = []] = await namedAt(START_MS);
      expect(one.length).toBeGreaterThan(0);
      expect(two.length).toBeGreaterThan(0);
      const all = Array.from({ length: 20 }, (_, index) => aHost(index + 1).host_name);
      expect([...one, ...two].sort()).toEqual(all);
    });

    it('keeps putting questions to a host that was lost, for a day', async () => {
      const question = { type: 'get_task' } as const;
      const [scheduler] = await startSchedulers(get(), 1);
      await enrolHosts(get(), scheduler!, 2);
      await close(scheduler!, aHost(1).id, 1);
      expect(await statesAt(START_MS)).toEqual(['inactive', 'active']);
      await keepAlive(START_MS + DAY_MS - 1);
      expect(await namedAt(START_MS + DAY_MS - 1, question)).toEqual([['h00001', 'h00002']]);
      await keepAlive(START_MS + DAY_MS);
      expect(await namedAt(START_MS + DAY_MS, question)).toEqual([['h00002']]);
    });

    it('gives a view behind every accepted delete, to the present start of a scheduler alone', async () => {
      const [scheduler] = await startSchedulers(get(), 1);
      await enrolHosts(get(), scheduler!, 1);
      const asked = { atMs: START_MS, clusterId: 1, schedulerId: scheduler! };
      const before = await get().writer.execute('issue-view', {
        ...asked,
        schedulerIncarnation: INCARNATION,
      });
      const accepted = get().writer.execute('accept-job', aJob({ atMs: START_MS }));
      const view = get().writer.execute('issue-view', {
        ...asked,
        schedulerIncarnation: INCARNATION,
      });
      await accepted;
      expect((await view).head).toBe(before.head + 1);
      await close(scheduler!, aHost(1).id, 1, { schedulerIncarnation: '52'.repeat(16) });
      await expect(
        get().writer.execute('issue-view', { ...asked, schedulerIncarnation: INCARNATION }),
      ).rejects.toMatchObject({ code: 'SCHEDULER_NOT_CURRENT' });
    });

    it('names nobody who said that it leaves, until it comes back', async () => {
      const [scheduler] = await startSchedulers(get(), 1);
      await enrolHosts(get(), scheduler!, 1);
      const closed = [{ hostId: aHost(1).id, connection: 1, hasLeft: true }];
      await close(scheduler!, '', 0, { closed });
      expect(await namedAt(START_MS)).toEqual([[]]);
      await enrolHosts(get(), scheduler!, 1);
      expect(await namedAt(START_MS)).toEqual([['h00001']]);
    });

    it('ignores the loss of a connection that another has replaced', async () => {
      const [scheduler] = await startSchedulers(get(), 1);
      await enrolHosts(get(), scheduler!, 1);
      await close(scheduler!, aHost(1).id, 99);
      expect(await statesAt(START_MS)).toEqual(['active']);
    });

    it('takes all connections of a scheduler for lost once it was started anew', async () => {
      const [scheduler] = await startSchedulers(get(), 1);
      await enrolHosts(get(), scheduler!, 2);
      await enrolHosts(get(), scheduler!, 1, { incarnation: '52'.repeat(16) });
      expect(await statesAt(START_MS)).toEqual(['active', 'inactive']);
    });

    it('shows hosts of a scheduler that is gone as inactive', async () => {
      const [scheduler] = await startSchedulers(get(), 1);
      await enrolHosts(get(), scheduler!, 1);
      expect(await statesAt(START_MS + 14_999)).toEqual(['active']);
      expect(await statesAt(START_MS + 15_000)).toEqual(['inactive']);
    });

    it('keeps the hosts of an order that waits for a scheduler', async () => {
      const [scheduler] = await startSchedulers(get(), 1);
      await enrolHosts(get(), scheduler!, 2);
      expect(await namedAt(START_MS + 60_000)).toEqual([]);
      await keepAlive(START_MS + 61_000);
      const [message] = await get().reader.listUnsentMessages(1);
      const { hosts } = parsePayload(OrderPayload, message!.payload);
      expect(unpackHosts(hosts ?? '')).toHaveLength(2);
    });

    it('refuses a scheduler that never registered', async () => {
      await expect(enrolHosts(get(), 99, 1)).rejects.toMatchObject({
        code: 'INSTANCE_NOT_REGISTERED',
      });
      expect(await statesAt(START_MS)).toEqual([]);
    });
  });
}
