import type { TargetOutcome } from '@pondhawk/jobs';
import { GONE_HOST_AGE_MS_MAX } from '../src/ledger/commands/remove-aged.js';
import type { EnrolHosts, Ledger, OutboxMessage, TargetReport } from '../src/ledger/index.js';
import {
  OPEN_OPTIONS,
  START_MS,
  aHost,
  aJob,
  aReport,
  aTarget,
  leaseClock,
  startSchedulers,
} from './ledger-fixtures.js';

const START = '51'.repeat(16);
const LOCK = 'cc'.repeat(16);
const BOUND_MS = 10_000;
const EPOCH = OPEN_OPTIONS.purgeEpoch;
const REASON = 'SERVE_WITHOUT_LEASE';

/** What every ledger must do where hosts may serve without a lease, whichever database it lies in. */
export function describeWaivers(get: () => Ledger): void {
  describe('when hosts may serve without a lease', () => {
    let scheduler: number;
    beforeEach(async () => {
      [scheduler] = (await startSchedulers(get(), 1)) as [number];
    });

    const enrol = (facts: Partial<EnrolHosts>) =>
      get().writer.execute('enrol-hosts', {
        ...{ atMs: START_MS, clusterId: 1, schedulerId: scheduler, schedulerIncarnation: START },
        ...{ opened: [], closed: [], ...facts },
      });
    /** A daemon of host `index`; its start is told by `daemon`. */
    const open = (
      index: number,
      daemon = index,
      facts: { readonly folderLock?: string; readonly outlived?: readonly string[] } = {},
    ) =>
      enrol({
        opened: [
          {
            ...{ host: aHost(index), incarnation: startOf(daemon), connection: daemon },
            leased: { folderLock: LOCK, ...facts },
          },
        ],
      });
    const close = (index: number, hasLeft = false) =>
      enrol({ closed: [{ hostId: aHost(index).id, connection: index, hasLeft }] });
    const allow = (isAllowed: boolean) =>
      get().writer.execute('update-cluster', {
        ...{ atMs: START_MS, clusterId: 1 },
        changes: { config: { serve_without_lease: isAllowed } },
      });
    const view = () =>
      get().writer.execute('issue-view', {
        ...{ atMs: START_MS, clusterId: 1, schedulerId: scheduler, schedulerIncarnation: START },
      });
    const acknowledge = (index: number, number: number, epoch = EPOCH, daemon = index) =>
      enrol({
        told: [{ hostId: aHost(index).id, incarnation: startOf(daemon), epoch, number }],
      });
    const purge = () => get().writer.execute('accept-job', aJob());
    const tell = (message: OutboxMessage, targets: readonly TargetReport[], is_last = false) =>
      get().writer.execute('record-report', {
        atMs: START_MS,
        report: aReport(message, targets, { is_last }),
      });
    /** Time passes, and it is looked whom the rules fence. */
    const sweepAfter = async (ms: number): Promise<void> => {
      leaseClock.aheadMs += ms;
      for (const found of get().leases.watch.findFenceable()) {
        await get().writer.execute('fence-targets', { atMs: START_MS + ms, ...found });
        get().leases.watch.noteWritten(found);
      }
    };
    const finality = async () => {
      const { jobId } = await purge();
      return (await get().reader.findJob(jobId))?.clusters[0]?.finality;
    };
    const stateOf = async (jobId: number) => {
      const { job, targets } = (await get().reader.findJob(jobId))!;
      const outcomes = targets.map(({ host, outcome }): [string, TargetOutcome] => [
        host.id,
        outcome,
      ]);
      return { state: job.state, outcome: job.outcome, targets: Object.fromEntries(outcomes) };
    };

    it('numbers each change, and tells it with views and enrolments', async () => {
      expect((await enrol({})).waiver).toEqual({ number: 0, isGiven: false });
      await allow(false);
      await allow(true);
      await allow(true);
      expect((await view()).waiver).toEqual({ number: 1, isGiven: true });
      expect((await open(1)).waiver).toEqual({ number: 1, isGiven: true });
      await allow(false);
      expect((await open(2)).waiver).toEqual({ number: 2, isGiven: false });
      const other = await get().writer.execute('create-cluster', {
        ...{ atMs: START_MS, name: 'other', bio: '', isDefault: false, seedPeerClusterId: 0 },
        ...{ config: { serve_without_lease: true }, clientConfig: {}, seedClientConfig: {} },
        scopes: {},
      });
      expect(await get().reader.findLogState(other.id)).toBeDefined();
      expect((await view()).waiver).toEqual({ number: 2, isGiven: false });
    });

    it('asks whoever was told, however long it is lost, and fails it when it is silent', async () => {
      await open(1);
      await open(2);
      await allow(true);
      await open(3);
      for (const index of [2, 3]) await close(index);
      leaseClock.aheadMs += 10 * BOUND_MS;
      await get().writer.execute('forget-enrolments', { atMs: START_MS });
      await view();
      const { jobId, messages } = await purge();
      await tell(messages[0]!, [aTarget(1, 'deleted'), named(2, 'pending'), named(3, 'pending')]);
      await sweepAfter(2 * BOUND_MS);
      expect((await stateOf(jobId)).outcome).toBeUndefined();
      await tell(messages[0]!, [named(2, 'failed'), named(3, 'absent')], true);
      expect(await stateOf(jobId)).toEqual({
        ...{ state: 'FAILURE', outcome: 'partial' },
        targets: { [aHost(1).id]: 'deleted', [aHost(2).id]: 'failed' },
      });
      expect((await get().reader.findJob(jobId))?.clusters[0]?.finality).toEqual({
        reasons: [REASON],
        hosts: [1, 2, 3].map((index) => aHost(index).id),
      });
    });

    it('fences a daemon that was lost before anybody could be told', async () => {
      await open(1);
      await close(1);
      await allow(true);
      const { jobId } = await purge();
      await sweepAfter(BOUND_MS);
      expect(await stateOf(jobId)).toMatchObject({ state: 'SUCCESS', outcome: 'complete' });
    });

    it('promises again once each host has said that it was told otherwise, and fences then', async () => {
      await open(1);
      await open(2);
      await allow(true);
      await allow(false);
      expect(await finality()).toMatchObject({ hosts: [aHost(1).id, aHost(2).id] });
      await acknowledge(1, 2);
      for (const [number, epoch] of [
        [1, EPOCH],
        [2, 'f2'.repeat(16)],
      ] as const)
        await acknowledge(2, number, epoch);
      await acknowledge(2, 9, EPOCH, 7);
      expect(await finality()).toEqual({ reasons: [REASON], hosts: [aHost(2).id] });
      await acknowledge(2, 2);
      expect(await finality()).toEqual({ reasons: [], hosts: [] });
      await close(2);
      const { jobId, messages } = await purge();
      await tell(messages[0]!, [aTarget(1, 'deleted'), named(2, 'failed')], true);
      await sweepAfter(BOUND_MS);
      expect(await stateOf(jobId)).toMatchObject({
        ...{ state: 'SUCCESS', outcome: 'complete' },
        targets: { [aHost(2).id]: 'fenced' },
      });
    });

    it('does not take what was said before for an answer to what is allowed since', async () => {
      await open(1);
      await allow(true);
      await allow(false);
      await allow(true);
      await acknowledge(1, 2);
      await allow(false);
      expect(await finality()).toMatchObject({ reasons: [REASON] });
    });

    it('takes the mark of a start that another one has outlived, or that left, and of no other', async () => {
      for (const index of [1, 2, 3]) await open(index);
      await allow(true);
      await allow(false);
      // A row that is written late is one of a start that may be dead: the same lock proves nothing.
      await open(1, 10);
      await open(2, 12, { folderLock: 'dd'.repeat(16), outlived: [startOf(9)] });
      await close(3, true);
      const hosts = [aHost(1).id, aHost(2).id];
      expect(await finality()).toEqual({ reasons: [REASON], hosts });
      await open(1, 11, { outlived: [startOf(10), startOf(1)] });
      expect(await finality()).toEqual({ reasons: [REASON], hosts: [aHost(2).id] });
      // The daemon that has its id by now answers for itself alone; nothing is promised of the other.
      const { jobId, messages } = await purge();
      await tell(messages[0]!, [aTarget(1, 'absent'), aTarget(2, 'deleted')], true);
      expect(await stateOf(jobId)).toMatchObject({
        ...{ state: 'SUCCESS', outcome: 'complete' },
        targets: { [aHost(2).id]: 'deleted' },
      });
    });

    it('keeps the row of a host that may serve until somebody removes it, which vouches for it', async () => {
      await open(1);
      await allow(true);
      await close(1);
      const atMs = START_MS + GONE_HOST_AGE_MS_MAX + 1;
      const ages = { jobAgeMsMax: 1, purgeAgeMsMax: 1, auditAgeMsMax: 1 };
      expect(await get().writer.execute('remove-aged', { atMs, ...ages })).toMatchObject({
        hosts: 0,
      });
      const { items } = await get().reader.listPeers(1, {}, { page: 1, perPage: 10 });
      await get().writer.execute('delete-host', { atMs, hostRowId: items[0]!.id });
      await allow(false);
      expect(await finality()).toEqual({ reasons: [], hosts: [] });
    });
  });

  /** A target as its order named it: the daemon of `open`. */
  function named(index: number, outcome: TargetOutcome): TargetReport {
    const daemon = { incarnation: startOf(index), folder_lock: LOCK };
    return aTarget(index, outcome, { host: { ...aHost(index), ...daemon } });
  }
}

function startOf(daemon: number): string {
  return String(daemon).padStart(32, 'a');
}
