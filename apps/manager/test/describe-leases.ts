import { unpackHosts } from '@pondhawk/contracts';
import type { TargetOutcome } from '@pondhawk/jobs';
import type { Ledger, OpenedConnection, OutboxMessage, TargetReport } from '../src/ledger/index.js';
import {
  OPEN_OPTIONS,
  START_MS,
  aHost,
  aJob,
  aReport,
  aTarget,
  enrolHosts,
  leaseClock,
  startSchedulers,
} from './ledger-fixtures.js';

const FIRST_START = '51'.repeat(16);
const SECOND_START = '52'.repeat(16);
const LOCK = 'cc'.repeat(16);
/** Lengths of the fixture: 4 s, 4 s, and 2 s of margin. */
const LOST_MS = 6_000;
const BOUND_MS = 10_000;

/** What every ledger must do with leases, whichever database it lies in. */
export function describeLeases(get: () => Ledger): void {
  describe('when hosts have leases', () => {
    let scheduler: number;
    beforeEach(async () => {
      [scheduler] = (await startSchedulers(get(), 1)) as [number];
    });

    const pass = (ms: number): void => {
      leaseClock.aheadMs += ms;
    };
    const view = (schedulerIncarnation = FIRST_START) =>
      get().writer.execute('issue-view', {
        ...{ atMs: START_MS, clusterId: 1, schedulerId: scheduler },
        schedulerIncarnation,
      });
    const enrol = (opened: readonly OpenedConnection[], facts: object = {}) =>
      get().writer.execute('enrol-hosts', {
        ...{ atMs: START_MS, clusterId: 1, schedulerId: scheduler, opened, closed: [] },
        schedulerIncarnation: FIRST_START,
        ...facts,
      });
    const lose = (index: number) =>
      enrol([], { closed: [{ hostId: aHost(index).id, connection: index, hasLeft: false }] });
    const purge = () => get().writer.execute('accept-job', aJob());
    const tell = (
      message: OutboxMessage,
      targets: readonly TargetReport[],
      facts: object = { is_last: false },
    ) =>
      get().writer.execute('record-report', {
        atMs: START_MS,
        report: aReport(message, targets, facts),
      });
    /** One sweep, as the daemon makes it. */
    const sweep = async (): Promise<void> => {
      const { watch } = get().leases;
      const { purges } = await get().reader.listOpenPurges(0);
      for (const purgeOf of purges) watch.adopt(purgeOf);
      for (const found of watch.findFenceable()) {
        await get().writer.execute('fence-targets', { atMs: START_MS + 7_000, ...found });
        watch.noteWritten(found);
      }
    };
    const stateOf = async (jobId: number) => {
      const { job, targets } = (await get().reader.findJob(jobId))!;
      const outcomes = targets.map(({ node, outcome }): [string, TargetOutcome] => [node, outcome]);
      return { outcome: job.outcome, state: job.state, targets: Object.fromEntries(outcomes) };
    };
    const nodeOf = (index: number): string => `host:${aHost(index).id}`;

    it('fences a host that was lost once its lease cannot last, and ends without its scheduler', async () => {
      await enrolHosts(get(), scheduler, 2);
      await view();
      const { jobId, messages } = await purge();
      await tell(messages[0]!, [aTarget(1, 'deleted'), aTarget(2, 'pending')]);
      await lose(2);
      pass(LOST_MS - 500);
      await sweep();
      expect((await stateOf(jobId)).outcome).toBeUndefined();
      pass(1_000);
      await sweep();
      expect(await stateOf(jobId)).toEqual({
        ...{ state: 'SUCCESS', outcome: 'complete' },
        targets: { [nodeOf(1)]: 'deleted', [nodeOf(2)]: 'fenced' },
      });
      const { targets } = (await get().reader.findJob(jobId))!;
      expect(targets.find(({ outcome }) => outcome === 'fenced')?.message).toBe(
        'No answer for 7 s; it has no lease any more',
      );
    });

    it('does not wait for a host that says in the middle that it leaves', async () => {
      await enrolHosts(get(), scheduler, 2);
      await view();
      const { jobId, messages } = await purge();
      await tell(messages[0]!, [aTarget(1, 'deleted'), aTarget(2, 'pending')]);
      pass(1_500); // Longer than any host is waited for at least.
      await sweep();
      expect((await stateOf(jobId)).outcome).toBeUndefined();
      await enrol([], { closed: [{ hostId: aHost(2).id, connection: 2, hasLeft: true }] });
      await sweep();
      expect(await stateOf(jobId)).toEqual({
        ...{ state: 'SUCCESS', outcome: 'complete' },
        targets: { [nodeOf(1)]: 'deleted', [nodeOf(2)]: 'fenced' },
      });
    });

    it('waits for a silent host with a connection until one bound after the commit, not shorter', async () => {
      await enrolHosts(get(), scheduler, 1);
      await view();
      const { jobId, messages } = await purge();
      await tell(messages[0]!, [aTarget(1, 'pending')]);
      pass(BOUND_MS - 500);
      await view(); // The scheduler lives: its rows count.
      await sweep();
      expect((await stateOf(jobId)).outcome).toBeUndefined();
      pass(1_000);
      await sweep();
      expect(await stateOf(jobId)).toMatchObject({ state: 'SUCCESS', outcome: 'complete' });
    });

    it('takes a host that could not be reached for one that is waited for', async () => {
      await enrolHosts(get(), scheduler, 2);
      const { jobId, messages } = await purge();
      await tell(messages[0]!, [aTarget(1, 'deleted'), aTarget(2, 'failed')], { is_last: true });
      expect((await stateOf(jobId)).outcome).toBeUndefined();
      pass(BOUND_MS);
      await sweep();
      const { targets } = (await get().reader.findJob(jobId))!;
      expect(targets.find(({ outcome }) => outcome === 'fenced')?.message).toContain(
        '(No answer.)',
      );
      expect((await stateOf(jobId)).outcome).toBe('complete');
    });

    it('lets an answer that comes after the fence stand while the job runs', async () => {
      await enrolHosts(get(), scheduler, 2);
      await view();
      const { jobId, messages } = await purge();
      await tell(messages[0]!, [aTarget(1, 'pending'), aTarget(2, 'pending')]);
      await lose(2);
      pass(LOST_MS);
      await view();
      await sweep();
      await tell(messages[0]!, [aTarget(2, 'deleted')]);
      await tell(messages[0]!, [aTarget(1, 'deleted')]);
      expect(await stateOf(jobId)).toEqual({
        ...{ state: 'SUCCESS', outcome: 'complete' },
        targets: { [nodeOf(1)]: 'deleted', [nodeOf(2)]: 'deleted' },
      });
    });

    it('has no target in a host whose lease has run out, and fences it at once if it holds the task', async () => {
      await enrolHosts(get(), scheduler, 2);
      await lose(2);
      pass(LOST_MS);
      const { jobId, messages } = await purge();
      await tell(messages[0]!, [aTarget(1, 'deleted'), aTarget(2, 'pending')]);
      pass(1_000); // As long as a connected host may take to answer.
      await sweep();
      expect(await stateOf(jobId)).toMatchObject({
        outcome: 'complete',
        targets: { [nodeOf(2)]: 'fenced' },
      });
    });

    it('accounts for a daemon whose host id has gone over to another data folder', async () => {
      const open = (connection: number, incarnation: string, folderLock: string) =>
        enrol([{ host: aHost(1), incarnation, connection, leased: { folderLock } }]);
      await open(1, 'a1'.repeat(16), LOCK);
      await lose(1);
      await open(2, 'a2'.repeat(16), 'dd'.repeat(16));
      await view();
      const { jobId, messages } = await purge();
      await tell(messages[0]!, [aTarget(1, 'deleted')], { is_last: true });
      expect((await stateOf(jobId)).outcome).toBeUndefined();
      pass(LOST_MS);
      await sweep();
      expect((await stateOf(jobId)).targets).toEqual({
        [nodeOf(1)]: 'deleted',
        [`${nodeOf(1)}@${'a1'.repeat(16)}`]: 'fenced',
      });
    });

    it('names in the order which daemon is meant, and fences it when another has its id by then', async () => {
      await enrol([
        {
          ...{ host: aHost(1), incarnation: 'a1'.repeat(16), connection: 1 },
          leased: { folderLock: LOCK },
        },
      ]);
      const { jobId, messages } = await purge();
      const { hosts } = JSON.parse(messages[0]!.payload) as { readonly hosts: string };
      const [host] = unpackHosts(hosts);
      expect(host).toMatchObject({ incarnation: 'a1'.repeat(16), folder_lock: LOCK });
      // A daemon that knows no leases announces itself under the id.
      await enrol([{ host: aHost(1), connection: 2 }]);
      const other = { ...aTarget(1, 'failed'), host: host!, code: 'OTHER_DAEMON' };
      await tell(messages[0]!, [other], { is_last: true });
      expect((await stateOf(jobId)).outcome).toBeUndefined();
      pass(BOUND_MS);
      await sweep();
      expect(await stateOf(jobId)).toEqual({
        ...{ state: 'SUCCESS', outcome: 'complete' },
        targets: { [nodeOf(1)]: 'fenced' },
      });
      // Beside it stands what that daemon did later, not what the other one did.
      const later = (incarnation: string, lock: string) =>
        get().writer.execute('record-later', {
          ...{ atMs: START_MS, clusterId: 1, epoch: OPEN_OPTIONS.purgeEpoch },
          outcomes: [
            {
              ...{ hostId: aHost(1).id, seq: 1, outcome: 'deleted' },
              daemon: { incarnation, lock },
            },
          ],
        });
      expect(await later('a3'.repeat(16), 'dd'.repeat(16))).toEqual({ changedTargetCount: 0 });
      expect(await later('a2'.repeat(16), LOCK)).toEqual({ changedTargetCount: 1 });
    });

    it('tells whoever is enrolled in the commit of purges of them, and accounts for it from then on', async () => {
      const leased = { folderLock: LOCK };
      const opened = [
        { host: aHost(1), incarnation: 'a1'.repeat(16), connection: 1, ...{ leased } },
      ];
      // They are given to the ledger in one turn, and it commits them together.
      const [first, again, log, third] = await Promise.all([
        purge(),
        purge(),
        enrol(opened),
        purge(),
      ]);
      const hostsOf = ({ messages }: typeof first) =>
        unpackHosts((JSON.parse(messages[0]!.payload) as { readonly hosts: string }).hosts);
      for (const job of [first, again, third]) {
        const seq = job.detail?.clusters[0]?.purgeSeq ?? Infinity;
        expect(hostsOf(job).length === 1 || log.head >= seq).toBe(true);
      }
      const after = await purge();
      expect(hostsOf(after)).toHaveLength(1);
      expect(await stateOf(after.jobId)).toMatchObject({ outcome: undefined });
    });

    it('waits in a retry, too, for a daemon whose host id has gone over to another data folder', async () => {
      const open = (connection: number, incarnation: string, folderLock: string) =>
        enrol([{ host: aHost(1), incarnation, connection, leased: { folderLock } }]);
      await open(1, 'a1'.repeat(16), LOCK);
      await open(2, 'a2'.repeat(16), 'dd'.repeat(16));
      const { jobId, messages } = await purge();
      await tell(messages[0]!, [aTarget(1, 'failed', { code: 'UNLINK_FAILED' })]);
      await get().writer.execute('expire-jobs', { atMs: START_MS + 24 * 3_600_000 });
      const facts = { atMs: START_MS + 1_000, userId: 1, uuid: 'again' };
      const again = await get().writer.execute('retry-job', { ...facts, jobId });
      const { hosts } = JSON.parse(again.messages[0]!.payload) as { readonly hosts: string };
      expect(unpackHosts(hosts)).toMatchObject([{ incarnation: 'a1'.repeat(16) }]);
    });

    it('lets the next daemon of the same data folder answer for the one before', async () => {
      const open = (connection: number, incarnation: string) =>
        enrol([{ host: aHost(1), incarnation, connection, leased: { folderLock: LOCK } }]);
      await open(1, 'a1'.repeat(16));
      await open(2, 'a2'.repeat(16));
      const { jobId, messages } = await purge();
      await tell(messages[0]!, [aTarget(1, 'absent')], { is_last: true });
      expect((await stateOf(jobId)).outcome).toBe('complete');
    });

    it('counts what a replaced scheduler may still have granted, and gives it nothing more', async () => {
      await enrolHosts(get(), scheduler, 1);
      await view();
      await enrol([], { schedulerIncarnation: SECOND_START });
      const code = 'SCHEDULER_NOT_CURRENT';
      await expect(view(FIRST_START)).rejects.toMatchObject({ code });
      await expect(enrolHosts(get(), scheduler, 1)).rejects.toMatchObject({ code });
      const { jobId } = await purge();
      pass(LOST_MS + 500); // It was not the former start that said so.
      await sweep();
      expect((await stateOf(jobId)).outcome).toBeUndefined();
      pass(BOUND_MS - LOST_MS);
      await sweep();
      expect((await stateOf(jobId)).outcome).toBe('complete');
    });

    it('never fences a daemon that knows no leases, and promises less with it', async () => {
      await enrol([{ host: aHost(1), connection: 1 }]);
      const { jobId, messages } = await purge();
      await tell(messages[0]!, [aTarget(1, 'pending')]);
      pass(2 * BOUND_MS);
      await sweep();
      const { clusters } = (await get().reader.findJob(jobId))!;
      expect(clusters[0]?.finality).toEqual({ reasons: ['FOREIGN_HOSTS'], hosts: [aHost(1).id] });
      expect((await stateOf(jobId)).outcome).toBeUndefined();
      await tell(messages[0]!, [aTarget(1, 'failed')], { is_last: true });
      expect(await stateOf(jobId)).toMatchObject({ state: 'FAILURE', outcome: 'failed' });
    });

    it('promises less while the hosts of a cluster may have foreign parents', async () => {
      await enrolHosts(get(), scheduler, 1);
      const allow = async (isAllowed: boolean): Promise<void> => {
        const changes = { config: { allow_foreign_parents: isAllowed } };
        await get().writer.execute('update-cluster', { atMs: START_MS, clusterId: 1, changes });
      };
      const reasonsOf = async (): Promise<unknown> => {
        const { jobId } = await purge();
        return (await get().reader.findJob(jobId))?.clusters[0]?.finality?.reasons;
      };
      await allow(true);
      expect(await reasonsOf()).toEqual(['FOREIGN_PARENTS']);
      expect((await view()).allowsForeignParents).toBe(true);
      await allow(false);
      expect((await view()).allowsForeignParents).toBe(false);
      expect(await reasonsOf()).toEqual([]);
    });

    it('keeps lost connections lost, also those that a scheduler no longer names', async () => {
      await enrolHosts(get(), scheduler, 3);
      await lose(1);
      await enrolHosts(get(), scheduler, 1); // It comes again under the number that is lost.
      await enrol([], { completeUpTo: 3, stillOpen: [3] });
      pass(LOST_MS);
      const forgotten = await get().writer.execute('forget-enrolments', { atMs: START_MS });
      expect(forgotten).toEqual({ forgottenCount: 2 });
      expect(await get().reader.hasClosedEnrolments()).toBe(false);
    });
  });
}
