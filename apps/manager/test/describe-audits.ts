import { AUDIT_LOG_EMPTY, verifyAudits } from '@pondhawk/core';
import { AuditScope, auditScopes, type AuditEntry, type Ledger } from '../src/ledger/index.js';
import { START_MS, aJob } from './ledger-fixtures.js';

const PAGE = { page: 1, perPage: 10 };

/** A write that succeeded. */
export function anEntry(facts: Partial<AuditEntry> = {}): AuditEntry {
  return {
    ...{ actorType: 'USER', actorName: 'root', remoteIp: '127.0.0.1', operation: 'POST' },
    ...{ path: '/api/v1/jobs', object: 'jobs', selector: '', state: 'SUCCESS', statusCode: 200 },
    result: '',
    ...facts,
  };
}

/** The audit log. */
export function describeAudits(getLedger: () => Ledger): void {
  const atMs = START_MS;
  const verify = async ({ identity }: Ledger) =>
    verifyAudits(AUDIT_LOG_EMPTY, await identity.listAuditsAfter(0, 100));

  describe('when something is audited', () => {
    it('writes the change and its audit in one commit, once a request', async () => {
      const ledger = getLedger();
      const scope = new AuditScope(() => anEntry({ selector: 'a task' }));
      await auditScopes.run(scope, async () => {
        await ledger.writer.execute('accept-job', aJob());
        await ledger.writer.execute('accept-job', aJob());
      });
      expect(scope.close()).toBe(true);
      const { items } = await ledger.identity.listAudits({}, PAGE);
      expect(items).toMatchObject([{ id: 1, selector: 'a task', operatedAtMs: START_MS }]);
      expect(await verify(ledger)).toEqual({ head: await ledger.identity.loadAuditHead() });
    });

    it('writes nothing of a command that was refused, and leaves it to who answers', async () => {
      const ledger = getLedger();
      const scope = new AuditScope(() => anEntry());
      await auditScopes.run(scope, async () => {
        await expect(
          ledger.writer.execute('delete-job-record', { atMs, jobId: 9 }),
        ).rejects.toMatchObject({ code: 'JOB_NOT_FOUND' });
      });
      expect((await ledger.identity.listAudits({}, PAGE)).totalCount).toBe(0);
      expect(scope.close()).toBe(false);
    });

    it('takes nothing for a part of a request that has been answered', async () => {
      const ledger = getLedger();
      const scope = new AuditScope(() => anEntry());
      scope.close();
      await auditScopes.run(scope, () => ledger.writer.execute('accept-job', aJob()));
      expect((await ledger.identity.listAudits({}, PAGE)).totalCount).toBe(0);
    });

    it('takes nothing that a listener gives later for a part of the request', async () => {
      const ledger = getLedger();
      let later: Promise<unknown> | undefined;
      const stop = ledger.writer.onCommitted(() => {
        later ??= ledger.writer.execute('accept-job', aJob());
      });
      const scope = new AuditScope(() => anEntry());
      await auditScopes.run(scope, () => ledger.writer.execute('accept-job', aJob()));
      await later;
      stop();
      expect((await ledger.identity.listAudits({}, PAGE)).totalCount).toBe(1);
    });

    it('lists the newest first, by every filter, and chains across commits', async () => {
      const ledger = getLedger();
      const entries = [
        anEntry(),
        anEntry({ actorType: 'PAT', actorName: 'ci', operation: 'DELETE', path: '/api/v1/jobs/1' }),
        anEntry({ actorType: 'UNKNOWN', actorName: '', state: 'FAILURE', statusCode: 401 }),
      ];
      await ledger.writer.execute('append-audits', { atMs, entries: entries.slice(0, 2) });
      await ledger.writer.execute('append-audits', { atMs, entries: entries.slice(2) });
      const ids = async (filter: Parameters<typeof ledger.identity.listAudits>[0]) =>
        (await ledger.identity.listAudits(filter, PAGE)).items.map(({ id }) => id);
      expect(await ids({})).toEqual([3, 2, 1]);
      expect(await ids({ actorType: 'PAT' })).toEqual([2]);
      expect(await ids({ actorName: 'root' })).toEqual([1]);
      expect(await ids({ operation: 'DELETE' })).toEqual([2]);
      expect(await ids({ state: 'FAILURE' })).toEqual([3]);
      expect(await ids({ path: '/api/v1/jobs' })).toEqual([3, 1]);
      expect(await ids({ statusCode: 401 })).toEqual([3]);
      expect(await verify(ledger)).toEqual({ head: await ledger.identity.loadAuditHead() });
    });
  });
}
