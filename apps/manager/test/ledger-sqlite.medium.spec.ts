import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Ledger, openLedger } from '../src/ledger/index.js';
import { describeLedger } from './describe-ledger.js';
import { MemoryWitness, OPEN_OPTIONS } from './ledger-fixtures.js';

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
