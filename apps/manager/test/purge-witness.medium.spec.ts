import { appendFile, copyFile, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { UnavailableError } from '@pondhawk/core';
import { makeTempDir } from '@pondhawk/testing';
import { WITNESS_FILE, WitnessFile } from '../src/ledger-access/witness-file.js';
import { openLedger, type Ledger } from '../src/ledger/index.js';
import {
  MemoryWitness,
  OPEN_OPTIONS,
  START_MS,
  aHost,
  aJob,
  startSchedulers,
} from './ledger-fixtures.js';

describe('A ledger and its witness', () => {
  let dir: string;
  let remove: () => Promise<void>;
  let epochCount = 0;

  beforeEach(async () => {
    const folder = await makeTempDir();
    dir = folder.path;
    remove = () => folder.remove();
  });
  afterEach(() => remove());

  const file = (name: string): string => join(dir, name);

  /** Opens the ledger, lets `use` work with it, and closes it. */
  async function withLedger<T>(use: (ledger: Ledger) => Promise<T>): Promise<T> {
    epochCount += 1;
    const witness = new WitnessFile(file(WITNESS_FILE));
    const ledger = await openLedger(
      { type: 'sqlite', path: file('manager.db') },
      {
        ...OPEN_OPTIONS,
        purgeEpoch: String(epochCount).padStart(32, '0').replace(/^0/, 'e'),
        witness,
      },
    );
    try {
      return await use(ledger);
    } finally {
      await ledger.close();
      await witness.close();
    }
  }

  const accept = () => withLedger((ledger) => ledger.writer.execute('accept-job', aJob()));
  const look = () =>
    withLedger(async ({ reader, purgeLogAlarm }) => ({
      ...(await reader.findLogState(1))!,
      alarm: await reader.findPurgeLogAlarm(),
      purgeLogAlarm,
    }));

  it('keep their epoch over starts', async () => {
    const first = await look();
    expect(first).toMatchObject({ head: 0, alarm: undefined, purgeLogAlarm: undefined });
    await accept();
    expect(await look()).toMatchObject({ epoch: first.epoch, head: 1, alarm: undefined });
    expect(await readFile(file(WITNESS_FILE), 'utf8')).toBe(
      `pondhawk purge log ${first.epoch}\n1 1\n`,
    );
  });

  it('find a ledger that was replaced by an older copy, and never give its numbers again', async () => {
    const { epoch } = await look();
    await accept();
    await copyFile(file('manager.db'), file('older.db'));
    await accept();
    await accept();
    await copyFile(file('older.db'), file('manager.db'));
    await rm(file('manager.db-wal'), { force: true });
    const after = await look();
    expect(after.epoch).not.toBe(epoch);
    expect(after).toMatchObject({ first: 4, head: 3 });
    expect(after.alarm).toContain('purge 3 of cluster 1 was answered, but the ledger ends at 1');
    const again = await look();
    expect(again).toMatchObject({ epoch: after.epoch, alarm: after.alarm });
    expect(again.purgeLogAlarm).toBeUndefined();
  });

  it.each([
    ['missing', async (path: string) => rm(path)],
    ['empty', async (path: string) => truncate(path)],
    ['something else', async (path: string) => writeFile(path, 'hello\n')],
    [
      'of another epoch',
      async (path: string) => writeFile(path, `pondhawk purge log ${'0'.repeat(32)}\n`),
    ],
  ])('take a new epoch when the witness is %s', async (_name, spoil) => {
    const { epoch } = await look();
    await accept();
    await spoil(file(WITNESS_FILE));
    const after = await look();
    expect(after.epoch).not.toBe(epoch);
    expect(after.alarm).toContain('witness');
  });

  it('ignore a line that a crash cut off: its delete was never answered', async () => {
    const { epoch } = await look();
    await accept();
    await appendFile(file(WITNESS_FILE), '1 9');
    expect(await look()).toMatchObject({ epoch, head: 1, alarm: undefined });
  });

  it('find that it was allowed to serve without a lease since, and promise nothing until that is acknowledged', async () => {
    const allow = () =>
      withLedger(({ writer }) =>
        writer.execute('update-cluster', {
          ...{ atMs: 1, clusterId: 1 },
          changes: { config: { serve_without_lease: true } },
        }),
      );
    const reasons = () =>
      withLedger(async ({ writer, reader }) => {
        const { jobId } = await writer.execute('accept-job', aJob());
        return (await reader.findJob(jobId))?.clusters[0]?.finality?.reasons;
      });
    /** Of a purge while a host with a lease is there, and silent. */
    const fencedCount = () =>
      withLedger(async (ledger) => {
        const [schedulerId] = (await startSchedulers(ledger, 1)) as [number];
        await ledger.writer.execute('enrol-hosts', {
          ...{ atMs: START_MS, clusterId: 1, schedulerId, schedulerIncarnation: '51'.repeat(16) },
          opened: [
            {
              ...{ host: aHost(1), incarnation: '01'.repeat(16), connection: 1 },
              leased: { folderLock: 'cc'.repeat(16) },
            },
          ],
          closed: [],
        });
        const { jobId } = await ledger.writer.execute('accept-job', aJob());
        const named = { atMs: START_MS, jobId, clusterId: 1 };
        return (await ledger.writer.execute('fence-targets', named)).fencedCount;
      });
    const { epoch } = await look();
    await copyFile(file('manager.db'), file('older.db'));
    await allow();
    expect(await readFile(file(WITNESS_FILE), 'utf8')).toBe(
      `pondhawk purge log ${epoch}\n1 0\n1 0\nwaiver 1 1\n`,
    );
    await copyFile(file('older.db'), file('manager.db'));
    await rm(file('manager.db-wal'), { force: true });
    const after = await look();
    expect(after.epoch).not.toBe(epoch);
    expect(after.alarm).toContain('may serve without a lease was changed 1 times');
    expect(await reasons()).toEqual(['SERVE_WITHOUT_LEASE']);
    // The mark of whoever comes may be among what is forgotten.
    expect(await fencedCount()).toBe(0);
    await withLedger(({ writer }) => writer.execute('acknowledge-purge-log', { atMs: 2 }));
    expect(await reasons()).toEqual([]);
    expect(await fencedCount()).toBe(1);
  });

  it('answer no delete that could not be witnessed', async () => {
    const failure = new UnavailableError('DISK_FULL', 'The disk is full.');
    const witness = new MemoryWitness();
    const ledger = await openLedger(
      { type: 'sqlite', path: file('manager.db') },
      { ...OPEN_OPTIONS, witness },
    );
    const changes: unknown[] = [];
    ledger.writer.onCommitted((committed) => changes.push(...committed));
    witness.record = () => Promise.reject(failure);
    await expect(ledger.writer.execute('accept-job', aJob())).rejects.toBe(failure);
    expect(changes).toEqual([]);
    await ledger.close();
  });
});
