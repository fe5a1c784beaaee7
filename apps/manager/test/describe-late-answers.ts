import type { Ledger, OutboxMessage, TargetReport } from '../src/ledger/index.js';
import {
  OPEN_OPTIONS,
  START_MS,
  aHost,
  aJob,
  aReport,
  aTarget,
  enrolHosts,
  startSchedulers,
} from './ledger-fixtures.js';

const LOCK = 'cc'.repeat(16);

/** What every ledger must do with answers that come past their orders, whichever database it lies in. */
export function describeLateAnswers(get: () => Ledger): void {
  describe('when a host answers once nobody asks any more', () => {
    let scheduler: number;
    beforeEach(async () => {
      [scheduler] = (await startSchedulers(get(), 1)) as [number];
    });

    const view = () =>
      get().writer.execute('issue-view', {
        ...{ atMs: START_MS, clusterId: 1, schedulerId: scheduler },
        schedulerIncarnation: '51'.repeat(16),
      });
    const purge = () => get().writer.execute('accept-job', aJob());
    const tell = (message: OutboxMessage, targets: readonly TargetReport[], facts: object) =>
      get().writer.execute('record-report', {
        atMs: START_MS,
        report: aReport(message, targets, facts),
      });
    const stateOf = async (jobId: number) => {
      const { job, targets } = (await get().reader.findJob(jobId))!;
      const outcomes = targets.map(({ node, outcome }) => [node, outcome] as const);
      return { outcome: job.outcome, state: job.state, targets: Object.fromEntries(outcomes) };
    };
    const nodeOf = (index: number): string => `host:${aHost(index).id}`;
    const daemon = { incarnation: 'aa'.repeat(16), lock: LOCK };
    const answer = (facts: object = {}, epoch: string = OPEN_OPTIONS.purgeEpoch) =>
      get().writer.execute('record-later', {
        ...{ atMs: START_MS + 30, clusterId: 1, epoch },
        outcomes: [{ ...{ hostId: aHost(2).id, seq: 1, outcome: 'deleted', daemon }, ...facts }],
      });
    const meant = (index: number): TargetReport => ({
      ...aTarget(index, 'failed'),
      host: { ...aHost(index), incarnation: daemon.incarnation, folder_lock: LOCK },
    });

    it('ends the target that waits for it, with what it says, and the job with the last', async () => {
      await enrolHosts(get(), scheduler, 3);
      await view();
      const { jobId, messages } = await purge();
      const told = [aTarget(1, 'deleted'), meant(2), meant(3)];
      await tell(messages[0]!, told, { is_last: true });
      expect(await answer({ deletedBytes: 700 })).toEqual({ changedTargetCount: 1 });
      expect((await stateOf(jobId)).outcome).toBeUndefined();
      expect(await answer({ deletedBytes: 700 })).toEqual({ changedTargetCount: 0 });
      await answer({ hostId: aHost(3).id, outcome: 'absent' });
      const ended = (await get().reader.findJob(jobId))!;
      expect(ended.job).toMatchObject({ state: 'SUCCESS', outcome: 'complete' });
      expect(ended.clusters[0]?.counts).toMatchObject({ deleted: 2, absent: 1, pending: 0 });
      const second = ended.targets.find(({ node }) => node === nodeOf(2));
      expect(second).toMatchObject({ deletedBytes: 700, later: undefined });
    });

    it('takes it also when no report has named the host yet, and what is reported after changes nothing', async () => {
      await enrolHosts(get(), scheduler, 2);
      await view();
      const { jobId, messages } = await purge();
      expect(await answer()).toEqual({ changedTargetCount: 1 });
      await tell(messages[0]!, [aTarget(1, 'deleted'), meant(2)], { is_last: true });
      expect(await stateOf(jobId)).toEqual({
        ...{ state: 'SUCCESS', outcome: 'complete' },
        targets: { [nodeOf(1)]: 'deleted', [nodeOf(2)]: 'deleted' },
      });
    });

    it('has failed if it says that it could not', async () => {
      await enrolHosts(get(), scheduler, 2);
      const { jobId, messages } = await purge();
      await tell(messages[0]!, [aTarget(1, 'deleted'), meant(2)], { is_last: true });
      const facts = { outcome: 'failed', code: 'UNLINK_FAILED', message: 'EACCES' } as const;
      await answer(facts);
      const { job, targets } = (await get().reader.findJob(jobId))!;
      expect(job).toMatchObject({ state: 'FAILURE', outcome: 'partial' });
      expect(targets.find(({ node }) => node === nodeOf(2))).toMatchObject({
        ...facts,
        later: undefined,
      });
    });

    it('goes on waiting when another daemon, another number or another log is told of', async () => {
      await enrolHosts(get(), scheduler, 2);
      await view();
      const { jobId, messages } = await purge();
      await tell(messages[0]!, [aTarget(1, 'deleted'), meant(2)], { is_last: true });
      const other = { incarnation: 'a9'.repeat(16), lock: 'dd'.repeat(16) };
      const nothing = { changedTargetCount: 0 };
      expect(await answer({ daemon: other })).toEqual(nothing);
      expect(await answer({ seq: 2 })).toEqual(nothing);
      expect(await answer({}, 'f2'.repeat(16))).toEqual(nothing);
      expect((await stateOf(jobId)).outcome).toBeUndefined();
      // Another start of the same daemon, by the lock of its folder, answers for it.
      expect(await answer({ daemon: { ...other, lock: LOCK } })).toEqual({
        changedTargetCount: 1,
      });
      expect((await stateOf(jobId)).outcome).toBe('complete');
    });
  });
}
