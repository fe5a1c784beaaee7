import { type LedgerLocation, openLedger } from '../src/ledger/index.js';
import { connectLedger } from '../src/ledger/ledger-connections.js';
import { LEDGER_MIGRATIONS } from '../src/ledger/migrations/index.js';
import { MemoryWitness, OPEN_OPTIONS, START_MS, aHost, aJob, aTarget } from './ledger-fixtures.js';

const OF_BEFORE = LEDGER_MIGRATIONS.filter(({ name }) => name !== 'absent-hosts');
/** Absent hosts that were called twice, numbered from 0. */
const ROWS_COUNT = 1_203;
/** Those that follow were called once, a little later. */
const CALLED_ONCE = [ROWS_COUNT, ROWS_COUNT + 1];
const CUT = ROWS_COUNT + 2;
const DELETED = ROWS_COUNT + 3;

/** What every ledger must do with what former versions kept of absent hosts. */
export function describeAbsentMove(
  name: string,
  makeLocation: () => Promise<LedgerLocation>,
): void {
  describe(`a ledger on ${name} with a row for each absent host`, () => {
    it('has them in lists after its migration, and every target as before', async () => {
      const location = await makeLocation();
      const witness = new MemoryWitness();
      const options = { ...OPEN_OPTIONS, witness };
      const before = await openLedger(location, { ...options, migrations: OF_BEFORE });
      const { jobId } = await before.writer.execute('accept-job', aJob());
      await before.close();
      await writeRowsOfBefore(location, jobId);

      const ledger = await openLedger(location, options);
      const page = { page: 1, perPage: 10_000 };
      const { items } = await ledger.reader.listTargets(jobId, page);
      const numbers = Array.from({ length: DELETED + 1 }, (_, index) => index);
      expect(items.map(({ host }) => host)).toEqual(numbers.map(aHost));
      expect(items[0]).toMatchObject({ outcome: 'absent', attempts: 2, startedAtMs: START_MS });
      expect(items[CALLED_ONCE[1]!]).toMatchObject({
        ...{ node: `host:${aHost(CALLED_ONCE[1]!).id}`, outcome: 'absent', attempts: 1 },
        ...{ startedAtMs: START_MS + 5, endedAtMs: START_MS + 5 },
      });
      expect(items.slice(CUT)).toMatchObject([
        { outcome: 'absent', code: 'LIST_TRUNCATED' },
        { outcome: 'deleted', deletedBytes: 100 },
      ]);
      const counts = (await ledger.reader.findJob(jobId))?.clusters[0]?.counts;
      expect(counts).toMatchObject({ absent: DELETED, deleted: 1 });
      await ledger.close();
      expect(await countRows(location)).toEqual({ targets: 2, parts: 3 });
    }, 60_000);
  });
}

async function writeRowsOfBefore(location: LedgerLocation, jobId: number): Promise<void> {
  const { writing: db } = await connectLedger(location);
  const { id: orderId } = await db.selectFrom('orders').select('id').executeTakeFirstOrThrow();
  for (let index = 0; index <= DELETED; index += 1) {
    const isOnce = CALLED_ONCE.includes(index);
    const target = aTarget(index, index === DELETED ? 'deleted' : 'absent');
    await db
      .insertInto('targets')
      .values({
        ...{ job_id: jobId, node: target.node, scheduler_cluster_id: 1, order_id: orderId },
        ...{ host_id: target.host.id, host_name: target.host.host_name, ip: target.host.ip },
        ...{ host: JSON.stringify(target.host), outcome: target.outcome, try_number: 2 },
        ...{ attempts: isOnce ? 1 : 2, message: '', held_count: 0 },
        started_at_ms: isOnce ? START_MS + 5 : START_MS,
        ended_at_ms: isOnce ? START_MS + 5 : null,
        code: index === CUT ? 'LIST_TRUNCATED' : '',
        deleted_bytes: target.deleted_bytes ?? 0,
      })
      .execute();
  }
  await db.destroy();
}

async function countRows(location: LedgerLocation): Promise<{ targets: number; parts: number }> {
  const { writing: db } = await connectLedger(location);
  const targets = await db.selectFrom('targets').select('node').execute();
  const parts = await db.selectFrom('absent_hosts').select('part').execute();
  await db.destroy();
  return { targets: targets.length, parts: parts.length };
}
