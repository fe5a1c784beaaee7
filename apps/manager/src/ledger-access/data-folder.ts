import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { OnApplicationShutdown } from '@nestjs/common';
import type { Log } from '@pondhawk/observability';
import { DataFolderLock } from '@pondhawk/storage';
import type { ManagerConfig } from '../config/manager.config.js';
import { LeaseBook, openLedger, type Ledger } from '../ledger/index.js';
import type { SteadyClock } from '../process-wide/steady-clock.js';
import { WITNESS_FILE, WitnessFile } from './witness-file.js';

/** The database file in the data folder. */
export const DATABASE_FILE = 'manager.db';

const EPOCH_BYTES = 16;

/** The manager's data folder, locked, and the ledger; open until `onApplicationShutdown`. */
export class DataFolder implements OnApplicationShutdown {
  private constructor(
    private readonly lock: DataFolderLock,
    readonly ledger: Ledger,
    private readonly witness: WitnessFile,
  ) {}

  /** @throws ConfigError if the folder is in use or the ledger cannot be opened, as they say. */
  static async open(
    { dataDir, database, leases: timing }: ManagerConfig,
    clock: SteadyClock,
    { log, onCommit }: { readonly log: Log; readonly onCommit: (durationMs: number) => void },
  ): Promise<DataFolder> {
    const lock = await DataFolderLock.acquire({ directory: dataDir });
    const witness = new WitnessFile(join(dataDir, WITNESS_FILE));
    try {
      const location =
        database.type === 'postgres'
          ? { type: 'postgres' as const, url: database.url.reveal() }
          : { type: 'sqlite' as const, path: join(dataDir, DATABASE_FILE) };
      const ledger = await openLedger(location, {
        nowMs: clock.nowMs(),
        brokerEpoch: randomBytes(EPOCH_BYTES).toString('hex'),
        purgeEpoch: randomBytes(EPOCH_BYTES).toString('hex'),
        witness,
        leases: new LeaseBook({ timing, monotonicMs: () => clock.monotonicMs() }),
        onCommit,
      });
      clock.notBefore(ledger.newestAtMs);
      if (ledger.purgeLogAlarm !== undefined) {
        log.error('purge logs got a new epoch: hosts drop what they hold', {
          reason: ledger.purgeLogAlarm,
        });
      }
      if (ledger.unknownMigrations.length > 0) {
        const migrations = ledger.unknownMigrations;
        log.warn('ledger was changed by a newer manager', { migrations });
      }
      return new DataFolder(lock, ledger, witness);
    } catch (error) {
      await witness.close();
      lock.release();
      throw error;
    }
  }

  async onApplicationShutdown(): Promise<void> {
    await this.ledger.close();
    await this.witness.close();
    this.lock.release();
  }
}
