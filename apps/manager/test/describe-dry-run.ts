import type { HeldTask, Ledger } from '../src/ledger/index.js';
import {
  START_MS,
  aJob,
  aReport,
  aTarget,
  enrolHosts,
  startSchedulers,
} from './ledger-fixtures.js';

const PAGE = { page: 1, perPage: 10 };

function held(finishedBytes: number): HeldTask {
  return {
    ...{ id: 'a'.repeat(64), url: '', tag: '', application: '', state: 'filling' },
    ...{ content_length: 100, finished_bytes: finishedBytes, piece_length: 10 },
    ...{ created_at_ms: START_MS, updated_at_ms: START_MS },
  };
}

/** What every ledger must do with deletes that only ask, whichever database it lies in. */
export function describeDryRun(get: () => Ledger): void {
  describe('when a delete only asks', () => {
    it('takes no number of the purge log, no lock, and is ordered as a question', async () => {
      const [id = 0] = await startSchedulers(get(), 1);
      await enrolHosts(get(), id, 1);
      const dryRun = aJob({ type: 'get_task', isDryRun: true });
      const { jobId, messages } = await get().writer.execute('accept-job', dryRun);
      const payload = JSON.parse(messages[0]!.payload) as Record<string, unknown>;
      expect([messages[0]?.type, payload['type'], payload['purge']]).toEqual([
        ...['get_task', 'get_task', undefined],
      ]);
      const { job, clusters } = (await get().reader.findJob(jobId))!;
      expect([job.isDryRun, clusters[0]?.purgeSeq]).toEqual([true, undefined]);
      const next = await get().writer.execute('accept-job', aJob());
      const purge = (await get().reader.findJob(next.jobId))!;
      expect(purge.clusters[0]?.purgeSeq).toBe(1);
    });

    it('adds up what hosts hold, of fills under way too', async () => {
      const [id = 0] = await startSchedulers(get(), 1);
      await enrolHosts(get(), id, 3);
      const dryRun = aJob({ type: 'get_task', isDryRun: true });
      const { jobId, messages } = await get().writer.execute('accept-job', dryRun);
      const targets = [
        aTarget(1, 'answered', { task: held(100) }),
        aTarget(2, 'answered', { task: held(30) }),
        aTarget(3, 'absent'),
      ];
      const report = aReport(messages[0]!, targets, { is_last: true });
      await get().writer.execute('record-report', { atMs: START_MS + 1, report });
      const { job, clusters } = (await get().reader.findJob(jobId))!;
      expect(job).toMatchObject({ state: 'SUCCESS', outcome: 'complete' });
      expect(clusters[0]).toMatchObject({ heldBytes: 130, counts: { answered: 2, absent: 1 } });
    });

    it('is listed among the deletes, not among the questions', async () => {
      const ids: number[] = [];
      for (const facts of [{}, { type: 'get_task' as const }]) {
        for (const isDryRun of facts.type === undefined ? [false] : [false, true]) {
          ids.push((await get().writer.execute('accept-job', aJob({ ...facts, isDryRun }))).jobId);
        }
      }
      const [purge, question, dryRun] = ids;
      const list = async (type: string) =>
        (await get().reader.listJobs({ type }, PAGE)).items.map(({ job }) => job.id).sort();
      expect(await list('delete_task')).toEqual([purge, dryRun]);
      expect(await list('get_task')).toEqual([question]);
      expect(await list('list_tasks')).toEqual([]);
    });
  });
}
