import { type PostgresServer, describeWithTool, startPostgres } from '@pondhawk/testing';
import { type Ledger, openLedger } from '../src/ledger/index.js';
import { describeAbsentMove } from './describe-absent-move.js';
import { describeLedger } from './describe-ledger.js';
import { MemoryWitness, OPEN_OPTIONS, aJob } from './ledger-fixtures.js';

const START_TIMEOUT_MS = 60_000;
const BROKER_EPOCH = 'cd'.repeat(16);

const open = (url: string, witness = new MemoryWitness()): Promise<Ledger> =>
  openLedger({ type: 'postgres', url }, { ...OPEN_OPTIONS, brokerEpoch: BROKER_EPOCH, witness });

describeWithTool('initdb', 'Ledger on a throw-away PostgreSQL', (initdb) => {
  let server: PostgresServer | undefined;
  let databaseCount = 0;

  beforeAll(async () => {
    server = await startPostgres(initdb);
  }, START_TIMEOUT_MS);

  afterAll(async () => {
    await server?.stop();
  }, START_TIMEOUT_MS);

  const createDatabase = (): Promise<string> => {
    databaseCount += 1;
    return server!.createDatabase(`ledger_${databaseCount}`);
  };

  describeLedger('PostgreSQL', { makeLedger: async () => open(await createDatabase()) });
  describeAbsentMove('PostgreSQL', async () => ({ type: 'postgres', url: await createDatabase() }));

  describe('when it is opened again', () => {
    it('has what was committed, and the same broker epoch', async () => {
      const url = await createDatabase();
      const witness = new MemoryWitness();
      const first = await open(url, witness);
      const { jobId } = await first.writer.execute('accept-job', aJob());
      await first.close();
      const again = await openLedger(
        { type: 'postgres', url },
        { ...OPEN_OPTIONS, witness, brokerEpoch: 'ee'.repeat(16) },
      );
      expect(await again.reader.listUnfinishedJobIds()).toEqual([jobId]);
      expect((await again.reader.loadBroker()).epoch).toBe(BROKER_EPOCH);
      await again.close();
    });
  });

  describe('when two managers start at once', () => {
    it('is migrated once', async () => {
      const url = await createDatabase();
      const ledgers = await Promise.all([open(url), open(url)]);
      for (const ledger of ledgers) {
        expect(await ledger.reader.listClusters()).toHaveLength(1);
        await ledger.close();
      }
    });
  });
});

describe('openLedger on PostgreSQL', () => {
  it('says what to check when nobody listens', async () => {
    await expect(open('postgres://pondhawk@127.0.0.1:1/none')).rejects.toMatchObject({
      code: 'DATABASE_CANNOT_OPEN',
      message: expect.stringContaining('ECONNREFUSED') as string,
    });
  });
});
