import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { ABSENT_PART_CLOSED_HOSTS_MIN } from '../src/ledger/absent-list.js';
import { type Ledger, openLedger } from '../src/ledger/index.js';
import { describeAbsentMove } from './describe-absent-move.js';
import { describeLedger } from './describe-ledger.js';
import {
  MemoryWitness,
  OPEN_OPTIONS,
  START_MS,
  aJob,
  aReport,
  aTarget,
  startSchedulers,
} from './ledger-fixtures.js';

const folders: string[] = [];

function open(path: string): Promise<Ledger> {
  return openLedger({ type: 'sqlite', path }, { ...OPEN_OPTIONS, witness: new MemoryWitness() });
}

function aFile(): string {
  const folder = mkdtempSync(join(tmpdir(), 'pondhawk-ledger-'));
  folders.push(folder);
  return join(folder, 'ledger.db');
}

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

describeLedger('SQLite', { makeLedger: () => open(aFile()) });
describeAbsentMove('SQLite', async () => Promise.resolve({ type: 'sqlite', path: aFile() }));

describe('a list of absent hosts', () => {
  it('has few parts, however small the reports are', async () => {
    const file = aFile();
    const ledger = await open(file);
    await startSchedulers(ledger, 1);
    const { messages } = await ledger.writer.execute('accept-job', aJob());
    const report = (indices: readonly number[]) => {
      const targets = indices.map((index) => aTarget(index, 'absent'));
      return ledger.writer.execute('record-report', {
        ...{ atMs: START_MS, report: aReport(messages[0]!, targets) },
      });
    };
    await report(Array.from({ length: 450 }, (_, index) => 1_000 + index));
    for (let index = 0; index < 120; index += 1) await report([index]);
    await ledger.close();
    const db = new Database(file, { readonly: true });
    const counts = db.prepare('select host_count from absent_hosts order by part').pluck().all();
    db.close();
    expect(counts).toEqual([450, ABSENT_PART_CLOSED_HOSTS_MIN, 20]);
  }, 30_000);
});
