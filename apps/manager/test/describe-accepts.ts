import { unpackHosts } from '@pondhawk/contracts';
import { chainHash } from '@pondhawk/purge';
import type { TaskId } from '@pondhawk/core';
import type { AcceptJob, AcceptedJob, Ledger } from '../src/ledger/index.js';
import { START_MS, aJob, enrolHosts, startSchedulers } from './ledger-fixtures.js';

/** One more than share a commit, so that two commits take them, and sets of many sizes. */
const COUNT = 129;

/** What every ledger must do with accepts that share a commit, whichever database it lies in. */
export function describeAccepts(get: () => Ledger): void {
  const accept = (facts: Partial<AcceptJob> = {}): Promise<AcceptedJob> =>
    get().writer.execute('accept-job', aJob(facts));
  const taskOf = (index: number): string => index.toString(16).padStart(64, '0');
  const payloadOf = ({ messages }: AcceptedJob) =>
    messages.map(
      ({ payload }) =>
        JSON.parse(payload) as {
          readonly job_id: number;
          readonly args: { readonly task_id: string };
          readonly purge: { readonly seq: number };
          readonly hosts: string;
        },
    );

  describe('when jobs are accepted together', () => {
    it('writes for each what it would have alone, in the order in which they came', async () => {
      const [first = 0, second = 0] = await startSchedulers(get(), 2);
      await enrolHosts(get(), first, 3);
      const accepted = await Promise.all(
        Array.from({ length: COUNT }, (_, index) =>
          accept({ orderArgs: { task_id: taskOf(index) } }),
        ),
      );
      let chain = '';
      for (const [index, job] of accepted.entries()) {
        const seq = index + 1;
        const payloads = payloadOf(job);
        expect(
          payloads.map(({ job_id, args, purge }) => [job_id, args.task_id, purge.seq]),
        ).toEqual([first, second].map(() => [job.jobId, taskOf(index), seq]));
        expect(payloads.flatMap(({ hosts }) => unpackHosts(hosts))).toHaveLength(3);
        chain = chainHash(chain, seq, taskOf(index) as TaskId);
        const range = { after: { number: 0, ordinal: 0 }, limit: 10 };
        const events = await get().reader.listEvents(job.jobId, range);
        expect(events.map(({ kind, ordinal }) => [kind, ordinal])).toEqual([
          ['order-queued', 1],
          ['order-queued', 2],
          ['job-accepted', 3],
        ]);
        expect(new Set(events.map(({ number }) => number))).toEqual(
          new Set([job.detail?.job.version]),
        );
      }
      expect(await get().reader.findLogState(1)).toMatchObject({ head: COUNT, headHash: chain });
      const versions = accepted.map(({ detail }) => detail?.job.version ?? 0);
      expect(versions.at(-1)! - versions[0]!).toBe(COUNT - 1);
      const sent = accepted.flatMap(({ messages }) => messages).sort((a, b) => a.id - b.id);
      expect(await get().reader.listUnsentMessages(2 * COUNT)).toEqual(sent);
    });

    it('answers each as a reader finds it right after', async () => {
      const [scheduler = 0] = await startSchedulers(get(), 1);
      await enrolHosts(get(), scheduler, 2);
      const accepted = await Promise.all([
        accept(),
        accept({ type: 'get_task', isDryRun: true }),
        accept({ type: 'list_tasks', orderArgs: { page: 1, per_page: 10 } }),
        accept({ type: 'gc', orderArgs: { gc: { kind: 'job', ageMsMax: 1 } } }),
      ]);
      for (const { jobId, detail } of accepted) {
        const found = await get().reader.findJob(jobId);
        const { fencesHoldInMs, ...rest } = detail!;
        expect({ ...rest, fencesHoldInMs: undefined }).toEqual({
          ...found,
          fencesHoldInMs: undefined,
        });
        // From the commit on, so never less than what is left of it.
        expect(fencesHoldInMs ?? 0).toBeGreaterThanOrEqual(found?.fencesHoldInMs ?? 0);
        expect(fencesHoldInMs === undefined).toBe(found?.fencesHoldInMs === undefined);
      }
    });

    it('takes one for a request that came before, and refuses another one under its key', async () => {
      const keyed = (key: string, requestHash: string) =>
        accept({ idempotency: { key, requestHash } });
      const [first, other, repeated, reused] = await Promise.allSettled([
        keyed('k', 'h'),
        accept({ atMs: START_MS + 1 }),
        keyed('k', 'h'),
        keyed('k', 'another'),
      ]);
      expect(first).toMatchObject({ value: { isRepeated: false } });
      expect(other).toMatchObject({ value: { isRepeated: false } });
      const jobId = first.status === 'fulfilled' ? first.value.jobId : 0;
      expect(repeated).toMatchObject({ value: { isRepeated: true, jobId } });
      expect(reused).toMatchObject({ reason: { code: 'IDEMPOTENCY_KEY_REUSED' } });
      expect((await get().reader.findLogState(1))?.head).toBe(2);
    });
  });
}
