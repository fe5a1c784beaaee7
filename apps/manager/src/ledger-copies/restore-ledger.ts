import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { copyFile, link, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { InvariantError, type Clock, type Faults } from '@pondhawk/core';
import { DataFolderLock, openDatabase, syncDirectory, toStorageError } from '@pondhawk/storage';
import type { ManagerConfig } from '../config/manager.config.js';
import { WITNESS_FILE, WitnessFile } from '../ledger-access/witness-file.js';
import { LeaseBook, openLedger, PurgeWitness, type WitnessedLogs } from '../ledger/index.js';
import { checkLedgerFile, ledgerPathOf, requireBackupFile, syncFile } from './ledger-file.js';

const EPOCH_BYTES = 16;
const NO_LEASES = { schedulerLeaseMs: 0, hostLeaseMs: 0, marginMs: 0 };

/** What a restore needs of its process. */
export interface RestoreSurroundings {
  readonly clock: Clock;
  readonly faults: Faults;
}

/** What a restore did. */
export interface RestoreReport {
  /** Where the ledger of before lies now; undefined if there was none. */
  readonly formerPath: string | undefined;
  /** Epoch of the purge logs from now on. */
  readonly epoch: string;
}

/**
 * Puts a backup in the place of the ledger, under a new epoch of the purge logs: hosts may have
 * applied purges that it does not know, so at the next start they drop what they hold (R7).
 *
 * In this order, so that a crash anywhere leaves one ledger or the other in its place, never a
 * mixture: the backup is copied beside it, brought to the newest schema and given its epoch; the
 * present ledger gets a second name; the copy takes its place; the witness takes over the epoch. A
 * start before the last step finds that witness and ledger differ, and renews the epoch once more.
 *
 * @throws ConfigError (`BACKUP_UNUSABLE`, `DATABASE_TOO_NEW`, `DATABASE_FOREIGN`, `DATA_FOLDER_IN_USE`
 *   while a manager runs on the folder, `LEDGER_IN_POSTGRES`); UnavailableError (`DISK_FULL`, `DISK_ERROR`).
 */
export async function restoreLedger(
  config: ManagerConfig,
  file: string,
  { clock, faults }: RestoreSurroundings,
): Promise<RestoreReport> {
  const place = ledgerPathOf(config);
  const lock = await DataFolderLock.acquire({ directory: config.dataDir });
  const witness = new WitnessFile(join(config.dataDir, WITNESS_FILE));
  const incoming = `${place}.restoring`;
  try {
    await takeCopy(file, incoming);
    const logs = await prepare(incoming, witness, clock);
    faults.reach('manager.restore.prepared');
    const formerPath = await setAside(place, clock);
    faults.reach('manager.restore.set-aside');
    await rename(incoming, place);
    await syncDirectory(config.dataDir);
    faults.reach('manager.restore.replaced');
    await witness.restart(logs);
    return { formerPath, epoch: logs.epoch };
  } catch (error) {
    await removeDatabase(incoming);
    throw toStorageError(error);
  } finally {
    await witness.close();
    lock.release();
  }
}

async function takeCopy(file: string, incoming: string): Promise<void> {
  await removeDatabase(incoming); // Left by a restore that was cut off.
  requireBackupFile(file);
  await copyFile(file, incoming);
  checkLedgerFile(incoming, file);
}

/** Newest schema, new epoch, all of it durable in the one file. */
async function prepare(
  incoming: string,
  witness: PurgeWitness,
  clock: Clock,
): Promise<WitnessedLogs> {
  const newEpoch = (): string => randomBytes(EPOCH_BYTES).toString('hex');
  const waiting = new WaitingWitness(witness);
  const ledger = await openLedger(
    { type: 'sqlite', path: incoming },
    {
      nowMs: clock.nowMs(),
      brokerEpoch: newEpoch(),
      purgeEpoch: newEpoch(),
      witness: waiting,
      // Nothing is counted here: what leases may last stays as it was kept.
      leases: new LeaseBook({ timing: NO_LEASES, monotonicMs: () => clock.monotonicMs() }),
      isRestored: true,
    },
  );
  await ledger.close();
  await syncFile(incoming);
  return waiting.logs;
}

/** A second name for the ledger that is there, by which it stays. */
async function setAside(place: string, clock: Clock): Promise<string | undefined> {
  if (!existsSync(place)) return undefined;
  const stamp = new Date(clock.nowMs()).toISOString().replace(/[-:.]/g, '');
  const former = `${place}.before-${stamp}`;
  try {
    openDatabase({ path: place }).close(); // Its log goes into it.
  } catch {
    // It may be damaged, which is a reason to restore; then its log is kept beside it as it is.
  }
  await link(place, former);
  if (existsSync(`${place}-wal`)) await rename(`${place}-wal`, `${former}-wal`);
  await rm(`${place}-shm`, { force: true });
  return former;
}

async function removeDatabase(path: string): Promise<void> {
  for (const suffix of ['', '-wal', '-shm']) await rm(`${path}${suffix}`, { force: true });
}

/** Tells what was, and keeps what is to be until the ledger is in its place. */
class WaitingWitness extends PurgeWitness {
  private kept: WitnessedLogs | undefined;

  constructor(private readonly witness: PurgeWitness) {
    super();
  }

  /** What the ledger wants to be witnessed. */
  get logs(): WitnessedLogs {
    if (this.kept !== undefined) return this.kept;
    throw new InvariantError('ASSERTION_FAILED', 'The restored ledger has told no purge logs.');
  }

  read(): Promise<WitnessedLogs | undefined> {
    return this.witness.read();
  }

  restart(logs: WitnessedLogs): Promise<void> {
    this.kept = logs;
    return Promise.resolve();
  }

  record(logs: WitnessedLogs): Promise<void> {
    return this.restart(logs);
  }
}
