import { describeAccepts } from './describe-accepts.js';
import { describeAbsent } from './describe-absent.js';
import { describeAttempts } from './describe-attempts.js';
import { describeJobControl } from './describe-job-control.js';
import { describeClusters } from './describe-clusters.js';
import { describeInstances } from './describe-instances.js';
import { describeEvents } from './describe-events.js';
import { describeAudits } from './describe-audits.js';
import { describeEnrolment } from './describe-enrolment.js';
import { describeIdentity } from './describe-identity.js';
import { describeLeases } from './describe-leases.js';
import { describeWaivers } from './describe-waivers.js';
import { describeNoScheduler } from './describe-no-scheduler.js';
import { describeOutbox } from './describe-outbox.js';
import { describePreheats } from './describe-preheats.js';
import { describePurgeLog } from './describe-purge-log.js';
import { describeReportOrder } from './describe-report-order.js';
import { describeRetention } from './describe-retention.js';
import type { Ledger, LedgerChange } from '../src/ledger/index.js';
import { START_MS, aJob, aReport, aTarget, startSchedulers } from './ledger-fixtures.js';

/** A ledger of its own for each test, with no job, scheduler or host. */
export interface LedgerFixture {
  makeLedger(): Promise<Ledger>;
}

/** What every ledger must do, whichever database it lies in. */
export function describeLedger(name: string, fixture: LedgerFixture): void {
  describe(`Ledger on ${name}`, () => {
    let ledger: Ledger;

    beforeEach(async () => {
      ledger = await fixture.makeLedger();
    });

    afterEach(async () => {
      await ledger.close();
    });

    const findJob = async (jobId: number) => (await ledger.reader.findJob(jobId))!;

    describe('when it is new', () => {
      it('has the default cluster and a broker epoch', async () => {
        const clusters = await ledger.reader.listClusters();
        expect(clusters.map(({ id, name }) => [id, name])).toEqual([[1, 'cluster-1']]);
        expect(clusters[0]?.config).toMatchObject({ candidate_parent_limit: 4 });
        expect((await ledger.reader.loadBroker()).epoch).toMatch(/^[0-9a-f]{32}$/);
      });
    });

    describe('when a scheduler registers', () => {
      it('keeps its id over a second registration', async () => {
        expect(await startSchedulers(ledger, 2)).toEqual(await startSchedulers(ledger, 2));
      });

      it('is active from its keepalive to three missed ones, and again after one', async () => {
        await startSchedulers(ledger, 1);
        const isActiveAt = async (ms: number) =>
          (await ledger.reader.listSchedulers(START_MS + ms))[0]?.isActive;
        expect(await isActiveAt(0)).toBe(true);
        expect(await isActiveAt(14_999)).toBe(true);
        expect(await isActiveAt(15_000)).toBe(false);
        await startSchedulers(ledger, 1, START_MS + 60_000);
        expect(await isActiveAt(60_001)).toBe(true);
      });

      it('refuses a keepalive of one that never registered and a cluster that does not exist', async () => {
        await expect(
          ledger.writer.execute('keep-alive', {
            atMs: START_MS,
            source: 'seed-peer',
            clusterId: 1,
            hostName: 'x',
            ip: '127.0.0.1',
          }),
        ).rejects.toMatchObject({ code: 'INSTANCE_NOT_REGISTERED' });
        await expect(
          ledger.writer.execute('upsert-seed-peer', {
            atMs: START_MS,
            clusterId: 9,
            hostName: 'x',
            type: 'super',
            ip: '127.0.0.1',
            port: 1,
            downloadPort: 1,
            idc: '',
            location: '',
            keepAliveIntervalMs: 5_000,
          }),
        ).rejects.toMatchObject({ code: 'CLUSTER_NOT_FOUND' });
      });
    });

    describe('when a job is accepted', () => {
      it('makes one order for each active scheduler, parallelism split, with its message', async () => {
        const [first, second] = await startSchedulers(ledger, 2);
        const { jobId, messages } = await ledger.writer.execute('accept-job', aJob());
        expect(messages.map(({ schedulerId }) => schedulerId)).toEqual([first, second]);
        expect(await ledger.reader.listUnsentMessages(10)).toEqual(messages);
        const payloads = messages.map(({ payload }) => JSON.parse(payload) as unknown);
        expect(payloads).toMatchObject([
          {
            format: 1,
            order_id: messages[0]?.orderId,
            job_id: jobId,
            attempt: 1,
            type: 'delete_task',
            scheduler_cluster_id: 1,
            scheduler_id: first,
            schedulers: [
              { id: first, hostname: 's1', ip: '127.0.0.1', port: 8001 },
              { id: second, hostname: 's2', ip: '127.0.0.1', port: 8002 },
            ],
            args: { task_id: 'a'.repeat(64) },
            spec: { timeout_ms: 60_000, parallelism: 3, failure_strategy: 'CONTINUE' },
            accepted_at_ms: START_MS,
            deadline_at_ms: START_MS + 60_000,
          },
          { scheduler_id: second, spec: { parallelism: 2 } },
        ]);
        expect(await ledger.reader.listUnfinishedJobIds()).toEqual([jobId]);
      });

      it('leaves no row when a cluster is unknown', async () => {
        await expect(
          ledger.writer.execute('accept-job', aJob({ clusterIds: [1, 77] })),
        ).rejects.toMatchObject({ code: 'CLUSTER_NOT_FOUND' });
        expect((await ledger.reader.listJobs({}, { page: 1, perPage: 10 })).totalCount).toBe(0);
      });

      it('is told to listeners after the commit', async () => {
        const changes: LedgerChange[] = [];
        const stop = ledger.writer.onCommitted((committed) => changes.push(...committed));
        const { jobId } = await ledger.writer.execute('accept-job', aJob());
        stop();
        await ledger.writer.execute('accept-job', aJob());
        expect(changes).toEqual([{ jobId, kind: 'job-accepted', type: 'delete_task' }]);
      });
    });

    describe('when commands wait at the same time', () => {
      it('rolls back a refused one alone, and numbers the others without a gap', async () => {
        const results = await Promise.allSettled([
          ledger.writer.execute('accept-job', aJob()),
          ledger.writer.execute('accept-job', aJob({ clusterIds: [5] })),
          ledger.writer.execute('accept-job', aJob()),
        ]);
        expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
        const { items } = await ledger.reader.listJobs({}, { page: 1, perPage: 10 });
        const versions = items.map(({ job }) => job.version);
        expect(versions).toEqual([versions[1]! + 1, versions[1]]);
      });

      it('refuses a repeated uuid without touching its neighbours', async () => {
        const uuid = '6f1c1f0e-0000-4000-8000-000000000000';
        const results = await Promise.allSettled([
          ledger.writer.execute('accept-job', aJob({ uuid })),
          ledger.writer.execute('accept-job', aJob({ uuid })),
          ledger.writer.execute('accept-job', aJob()),
        ]);
        expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
        expect((await ledger.reader.listJobs({}, { page: 1, perPage: 1 })).totalCount).toBe(2);
      });
    });

    describeAbsent(() => ledger);
    describeAttempts(() => ledger);
    describeJobControl(() => ledger);
    describeClusters(() => ledger);
    describeInstances(() => ledger);
    describeEvents(() => ledger);
    describeNoScheduler(() => ledger);
    describeReportOrder(() => ledger);
    describeRetention(() => ledger);
    describeOutbox(() => ledger);
    describeIdentity(() => ledger);
    describeAudits(() => ledger);

    describe('when reports come', () => {
      const accept = async (schedulers = 1, facts = {}) => {
        await startSchedulers(ledger, schedulers);
        return ledger.writer.execute('accept-job', aJob(facts));
      };
      const report = (...args: Parameters<typeof aReport>) =>
        ledger.writer.execute('record-report', { atMs: START_MS + 50, report: aReport(...args) });

      it('ends the job with the report that leaves nothing pending, whichever order it belongs to', async () => {
        const { jobId, messages } = await accept(2);
        const [first, second] = [messages[0]!, messages[1]!];
        await report(first, [aTarget(1, 'pending'), aTarget(2, 'pending')]);
        expect(await report(second, [], { is_last: true })).toMatchObject({ status: 'recorded' });
        await report(first, [aTarget(1, 'absent')], { is_last: true });
        expect((await ledger.reader.findJobRecord(jobId))?.phase).toBe('running');
        const last = await report(first, [aTarget(2, 'deleted')]);
        expect(last).toEqual({
          status: 'recorded',
          jobId,
          changedTargetCount: 1,
          ended: {
            ...{ jobId, type: 'delete_task', state: 'SUCCESS', outcome: 'complete' },
            durationMs: expect.any(Number) as number,
          },
        });
        const { job, clusters, targets } = await findJob(jobId);
        expect(job).toMatchObject({ phase: 'ended', endedAtMs: START_MS + 50 });
        expect(clusters[0]).toMatchObject({
          counts: { deleted: 1, absent: 1, pending: 0 },
          deletedBytes: 100,
        });
        expect(targets.map(({ node }) => node)).toEqual([aTarget(2, 'deleted').node]);
        expect(await ledger.reader.listUnsentMessages(10)).toEqual([]);
      });

      it('changes nothing when a report comes twice, late, or from another attempt', async () => {
        const { jobId, messages } = await accept();
        const message = messages[0]!;
        await report(message, [aTarget(1, 'failed'), aTarget(2, 'deleted')]);
        const twice = await report(message, [aTarget(1, 'failed'), aTarget(2, 'absent')]);
        expect(twice.changedTargetCount).toBe(0);
        const stale = await report(message, [aTarget(1, 'deleted')], { attempt: 2 });
        expect(stale.status).toBe('stale-attempt');
        const foreign = await report({ ...message, orderId: 999 }, []);
        expect(foreign.status).toBe('unknown-order');
        await report(message, [], { is_last: true });
        const ended = await findJob(jobId);
        expect(ended.job).toMatchObject({ state: 'FAILURE', outcome: 'partial' });
        const late = await report(message, [aTarget(1, 'deleted')]);
        expect(late.status).toBe('job-ended');
        expect(await findJob(jobId)).toEqual(ended);
      });

      it('lets a later try improve a failed target', async () => {
        const { jobId, messages } = await accept();
        await report(messages[0]!, [aTarget(1, 'failed', { try: 1 })]);
        await report(messages[0]!, [aTarget(1, 'failed', { try: 2, message: 'Again.' })]);
        const { items } = await ledger.reader.listTargets(jobId, { page: 1, perPage: 10 });
        expect(items[0]).toMatchObject({ outcome: 'failed', message: 'Again.' });
        await report(messages[0]!, [aTarget(1, 'deleted', { try: 3 })], { is_last: true });
        expect((await findJob(jobId)).job.outcome).toBe('complete');
      });

      it('ends a job as failed whose scheduler could not carry it out', async () => {
        const { jobId, messages } = await accept();
        const error = { code: 'UNKNOWN_ORDER_TYPE', message: 'Not known here.' };
        await report(messages[0]!, [], { is_last: true, error });
        const { job, clusters } = await findJob(jobId);
        expect(job).toMatchObject({ state: 'FAILURE', outcome: 'failed' });
        expect(clusters[0]?.orders[0]).toMatchObject({ state: 'failed', errorCode: error.code });
      });

      it('merges 10,000 targets in sets without holding the event loop', async () => {
        const { jobId, messages } = await accept();
        const indices = Array.from({ length: 10_000 }, (_, index) => index);
        const startedAtMs = performance.now();
        for (const outcome of ['pending', 'absent'] as const) {
          for (let start = 0; start < indices.length; start += 500) {
            const targets = indices.slice(start, start + 500).map((i) => aTarget(i, outcome));
            await report(messages[0]!, targets, {
              is_last: outcome === 'absent' && start === 9_500,
            });
          }
        }
        // Forty reports; one statement a target took over ten seconds for the same.
        expect(performance.now() - startedAtMs).toBeLessThan(8_000);
        const { job, clusters } = await findJob(jobId);
        expect(job.outcome).toBe('complete');
        expect(clusters[0]?.counts.absent).toBe(10_000);
      }, 30_000);

      it('pages over the tasks that all hosts hold', async () => {
        const orderArgs = { page: 2, per_page: 3 };
        const { jobId, messages } = await accept(1, { type: 'list_tasks', orderArgs });
        const held = (id: string) => ({
          id,
          url: '',
          tag: '',
          application: '',
          state: 'complete' as const,
          content_length: 1,
          finished_bytes: 1,
          piece_length: 1,
          created_at_ms: START_MS,
          updated_at_ms: START_MS,
        });
        await report(
          messages[0]!,
          [
            aTarget(2, 'answered', { tasks: [held('d'), held('e'), held('f')] }),
            aTarget(1, 'answered', { tasks: [held('a'), held('b')] }),
            aTarget(3, 'answered', { tasks: [held('g')], code: 'LIST_TRUNCATED' }),
          ],
          { is_last: true },
        );
        const { listed, job } = await findJob(jobId);
        expect(job.state).toBe('SUCCESS');
        expect([listed.totalCount, listed.isCut]).toEqual([6, true]);
        expect(listed.entries.map(({ target, task }) => target.host.host_name + task.id)).toEqual([
          'h00002e',
          'h00002f',
          'h00003g',
        ]);
      });
    });

    describeEnrolment(() => ledger);
    describeLeases(() => ledger);
    describeWaivers(() => ledger);
    describeAccepts(() => ledger);
    describePreheats(() => ledger);
    describePurgeLog(() => ledger);

    describe('when the deadline passes', () => {
      it('fails what is pending, names it, and ends the job as timed out', async () => {
        await startSchedulers(ledger, 1);
        const { jobId, messages } = await ledger.writer.execute('accept-job', aJob());
        const targets = [aTarget(1, 'deleted'), aTarget(2, 'pending')];
        const report = aReport(messages[0]!, targets);
        await ledger.writer.execute('record-report', { atMs: START_MS + 5, report });
        const { ended } = await ledger.writer.execute('expire-jobs', { atMs: START_MS + 60_000 });
        expect(ended).toMatchObject([{ jobId, state: 'FAILURE', outcome: 'timed_out' }]);
        const failed = await ledger.reader.listTargets(jobId, {
          page: 1,
          perPage: 10,
          outcome: 'failed',
        });
        expect(failed.items).toMatchObject([{ code: 'DEADLINE_EXCEEDED', node: targets[1]!.node }]);
        expect(await ledger.writer.execute('expire-jobs', { atMs: START_MS + 90_000 })).toEqual({
          failedOrderCount: 0,
          ended: [],
        });
      });
    });

    describe('when a record is removed', () => {
      it('refuses an unfinished job and one that does not exist', async () => {
        const { jobId } = await ledger.writer.execute('accept-job', aJob());
        const remove = (id: number) =>
          ledger.writer.execute('delete-job-record', { atMs: START_MS, jobId: id });
        await expect(remove(jobId)).rejects.toMatchObject({ code: 'JOB_NOT_FINISHED' });
        await expect(remove(jobId + 1)).rejects.toMatchObject({ code: 'JOB_NOT_FOUND' });
        await ledger.writer.execute('expire-jobs', { atMs: START_MS + 30_000 });
        await remove(jobId);
        expect(await ledger.reader.findJob(jobId)).toBeUndefined();
      });
    });

    describe('when jobs are listed', () => {
      it('filters by type, state and user, newest first, with the total', async () => {
        const ids: number[] = [];
        for (const [index, type] of (['get_task', 'delete_task', 'get_task'] as const).entries()) {
          const job = aJob({ type, userId: index, atMs: START_MS + index });
          ids.push((await ledger.writer.execute('accept-job', job)).jobId);
        }
        const idsOf = async (filter: object, page = 1, perPage = 10) => {
          const { items, totalCount } = await ledger.reader.listJobs(filter, { page, perPage });
          return [items.map(({ job }) => job.id), totalCount];
        };
        expect(await idsOf({})).toEqual([[...ids].reverse(), 3]);
        expect(await idsOf({ type: 'get_task' }, 2, 1)).toEqual([[ids[0]], 2]);
        expect(await idsOf({ userId: 1 })).toEqual([[ids[1]], 1]);
        expect(await idsOf({ state: 'SUCCESS' })).toEqual([[], 0]);
        expect(await idsOf({ state: 'PENDING', type: 'delete_task' })).toEqual([[ids[1]], 1]);
      });
    });

    describe('when it is closed', () => {
      it('finishes what waits and refuses what comes after', async () => {
        const waiting = ledger.writer.execute('accept-job', aJob());
        const closed = ledger.close();
        await expect(waiting).resolves.toMatchObject({ clusterIds: [1] });
        await closed;
        await expect(ledger.writer.execute('accept-job', aJob())).rejects.toMatchObject({
          code: 'LEDGER_CLOSED',
        });
        ledger = await fixture.makeLedger();
      });
    });
  });
}
