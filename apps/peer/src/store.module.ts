import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Module, type DynamicModule, type Provider } from '@nestjs/common';
import { Clock, Faults } from '@pondhawk/core';
import { Log } from '@pondhawk/observability';
import {
  Disk,
  LocalDisk,
  folderLockOf,
  migrate,
  openDatabase,
  type SqliteDatabase,
} from '@pondhawk/storage';
import { CopyPaths, CopyStore, SqliteCopies } from './copies/index.js';
import { DeletionAnnouncer, StartupRepair, TaskDeletion } from './deletion/index.js';
import {
  CapacityGauge,
  DiskGauge,
  DiskReserve,
  FileSystemGauge,
  GarbageCollector,
} from './gc/index.js';
import { PeerMetrics } from './health/index.js';
import { LeaseGate } from './lease/index.js';
import { leaseProviders } from './lease-providers.js';
import { PEER_MIGRATIONS } from './migrations/index.js';
import { PeerConfig } from './peer.config.js';
import { hostFactsOf, type PeerRun } from './peer-run.js';
import { PurgeLog, SqlitePurges } from './purge-log/index.js';
import { FleetSync, InventoryJournal, SchedulerLink } from './scheduler-link/index.js';

/** The open database of this daemon. */
export class PeerDatabase {
  constructor(readonly db: SqliteDatabase) {}
}

/** Opens the database of a data folder, at its newest version. */
function openPeerDatabase({ config, log }: PeerRun): PeerDatabase {
  const db = openDatabase({ path: join(config.dataDir, 'peer.db') });
  const { unknown } = migrate(db, PEER_MIGRATIONS);
  if (unknown.length > 0) log.warn('database is of a newer version', { migrations: unknown });
  return new PeerDatabase(db);
}

const copies: Provider[] = [
  InventoryJournal,
  {
    provide: SqliteCopies,
    useFactory: ({ db }: PeerDatabase) => new SqliteCopies(db),
    inject: [PeerDatabase],
  },
  {
    provide: CopyStore,
    // Composition root: the parts object of the store has five fields, one more is connected.
    // eslint-disable-next-line max-params
    useFactory: (
      rows: SqliteCopies,
      paths: CopyPaths,
      disk: Disk,
      clock: Clock,
      faults: Faults,
      journal: InventoryJournal,
    ) => {
      const store = new CopyStore({ rows, paths, disk, clock, faults });
      store.connect({ noteChange: (taskId) => journal.note(taskId) });
      return store;
    },
    inject: [SqliteCopies, CopyPaths, Disk, Clock, Faults, InventoryJournal],
  },
];

const deletion: Provider[] = [
  {
    provide: TaskDeletion,
    // Composition root: the parts object of the deletion has seven fields.
    // eslint-disable-next-line max-params
    useFactory: (
      store: CopyStore,
      rows: SqliteCopies,
      paths: CopyPaths,
      disk: Disk,
      announcer: DeletionAnnouncer,
      faults: Faults,
      log: Log,
    ) => new TaskDeletion({ copies: store, rows, paths, disk, announcer, faults, log }),
    inject: [CopyStore, SqliteCopies, CopyPaths, Disk, DeletionAnnouncer, Faults, Log],
  },
  {
    provide: StartupRepair,
    useFactory: (
      store: CopyStore,
      taskDeletion: TaskDeletion,
      paths: CopyPaths,
      disk: Disk,
      log: Log,
    ) => new StartupRepair({ copies: store, deletion: taskDeletion, paths, disk, log }),
    inject: [CopyStore, TaskDeletion, CopyPaths, Disk, Log],
  },
];

const collection: Provider[] = [
  {
    provide: DiskGauge,
    useFactory: ({ gc, dataDir }: PeerConfig, store: CopyStore) =>
      gc.diskCapacityBytes > 0
        ? new CapacityGauge(gc.diskCapacityBytes, () => store.storedBytes())
        : new FileSystemGauge(dataDir),
    inject: [PeerConfig, CopyStore],
  },
];

function schedulerLink(run: PeerRun): Provider {
  const { config, log } = run;
  return {
    provide: SchedulerLink,
    useFactory: (store: CopyStore) =>
      new SchedulerLink(
        {
          dataDir: config.dataDir,
          managerAddress: config.manager.address,
          schedulerAddresses: config.schedulers.addresses,
          announceIntervalMs: config.announce.intervalMs,
          listIntervalMs: config.manager.listIntervalMs,
        },
        hostFactsOf(run),
        store,
        log.child({ part: 'scheduler-link' }),
      ),
    inject: [CopyStore],
  };
}

const purging: Provider[] = [
  {
    provide: SqlitePurges,
    useFactory: ({ db }: PeerDatabase) => new SqlitePurges(db),
    inject: [PeerDatabase],
  },
  {
    provide: PurgeLog,
    useFactory: (rows: SqlitePurges, taskDeletion: TaskDeletion, log: Log) =>
      new PurgeLog({ rows, deletion: taskDeletion, log: log.child({ part: 'purge-log' }) }),
    inject: [SqlitePurges, TaskDeletion, Log],
  },
];

function fleetSync({ incarnation, lock, log }: PeerRun): Provider {
  const [former] = lock.record.formers;
  return {
    provide: FleetSync,
    // Composition root: the parts object of the stream has as many fields.
    // eslint-disable-next-line max-params
    useFactory: (
      link: SchedulerLink,
      purges: PurgeLog,
      rows: SqliteCopies,
      journal: InventoryJournal,
      gate: LeaseGate,
      metrics: PeerMetrics,
    ) =>
      new FleetSync({
        host: () => link.describeHost(),
        incarnation,
        formerIncarnation: former ?? '',
        outlived: lock.record.formers,
        folderLock: folderLockOf(lock.record),
        purges,
        gate,
        onLease: {
          onGranted: () => metrics.leaseGranted(),
          onRefused: (reason) => metrics.leaseRefused(reason),
        },
        findHome: () => link.findHome(),
        rows,
        journal,
        random: Math.random,
        // An abort only ends the wait.
        sleep: (ms, signal) => delay(ms, undefined, { signal }).catch(() => undefined),
        log: log.child({ part: 'fleet-sync' }),
      }),
    inject: [SchedulerLink, PurgeLog, SqliteCopies, InventoryJournal, LeaseGate, PeerMetrics],
  };
}

function collector({ config, log, clock }: PeerRun): Provider {
  return {
    provide: GarbageCollector,
    useFactory: (
      store: CopyStore,
      taskDeletion: TaskDeletion,
      repair: StartupRepair,
      disk: DiskGauge,
      metrics: PeerMetrics,
    ) => {
      const gc = new GarbageCollector({
        copies: store,
        deletion: taskDeletion,
        repair,
        disk,
        reserve: new DiskReserve(join(config.dataDir, 'reserve')),
        clock,
        log: log.child({ part: 'gc' }),
        settings: {
          intervalMs: config.gc.intervalMs,
          ttlMs: config.gc.taskTtlMs,
          highPercent: config.gc.diskHighThresholdPercent,
          lowPercent: config.gc.diskLowThresholdPercent,
        },
        onCollected: (report) => metrics.copiesCollected(report),
      });
      store.connect({
        makeSpace: () => gc.makeSpace(),
        discard: async (copyId) => {
          await taskDeletion.deleteCopies([copyId], { onlyIdle: false, announce: false });
        },
      });
      return gc;
    },
    inject: [CopyStore, TaskDeletion, StartupRepair, DiskGauge, PeerMetrics],
  };
}

/** Copies on disk, and everything that deletes them. */
@Module({})
export class StoreModule {
  static register(run: PeerRun): DynamicModule {
    const { config, log, faults, clock } = run;
    const own = [
      { provide: PeerConfig, useValue: config },
      { provide: Log, useValue: log },
      { provide: Faults, useValue: faults },
      { provide: Clock, useValue: clock },
      { provide: PeerMetrics, useFactory: () => new PeerMetrics(run.metrics) },
      { provide: PeerDatabase, useFactory: () => openPeerDatabase(run) },
      { provide: CopyPaths, useFactory: () => new CopyPaths(config.dataDir) },
      { provide: Disk, useFactory: () => new LocalDisk() },
      schedulerLink(run),
      { provide: DeletionAnnouncer, useExisting: SchedulerLink },
      ...copies,
      ...deletion,
      ...purging,
      ...leaseProviders(run),
      fleetSync(run),
      ...collection,
      collector(run),
    ];
    return {
      module: StoreModule,
      providers: own,
      exports: own.map((provider) => ('provide' in provider ? provider.provide : provider)),
    };
  }
}
