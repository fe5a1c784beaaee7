import { dirname, relative } from 'node:path';
import Database from 'better-sqlite3';
import {
  commitUnsynced,
  type DiskFile,
  type DiskFolder,
  type OpenMode,
  type SqliteDatabase,
} from '@pondhawk/storage';
import { SqliteCopies, type PurgedCopy } from '../../src/copies/index.js';
import { StartupRepair, type RepairReport } from '../../src/deletion/index.js';
import { SqlitePurges } from '../../src/purge-log/index.js';
import type { Guarantee } from './examine.js';
import type { Weakness } from './machine.js';
import { RecordingDisk } from './recording-disk.js';

/** A store that is weaker in one place, and what must be seen not to hold by it. */
export interface Control {
  readonly name: string;
  readonly weakness: Weakness;
  readonly breaks: Guarantee;
}

/** What a folder's sync does besides: nothing. */
const UNSYNCED = (): Promise<void> => Promise.resolve();

/** Remembers what it did to which folder. */
abstract class ForgetfulDisk extends RecordingDisk {
  protected readonly created = new Set<string>();
  protected readonly removed = new Set<string>();

  override async open(path: string, mode: OpenMode): Promise<DiskFile> {
    const file = await super.open(path, mode);
    if (mode === 'create') this.created.add(dirname(path));
    return file;
  }

  override async unlink(path: string): Promise<void> {
    await super.unlink(path);
    this.removed.add(dirname(path));
  }

  override async openFolder(path: string): Promise<DiskFolder> {
    const folder = await super.openFolder(path);
    return { ...folder, sync: () => (this.isForgotten(path) ? UNSYNCED() : folder.sync()) };
  }

  /** Whether a sync of the folder is left out. */
  protected abstract isForgotten(path: string): boolean;
}

class NoSyncAfterUnlink extends ForgetfulDisk {
  protected isForgotten(path: string): boolean {
    return this.removed.has(path);
  }
}

class NoSyncAfterCreate extends ForgetfulDisk {
  protected isForgotten(path: string): boolean {
    return this.created.has(path) && !this.removed.has(path);
  }
}

class NoSyncOfFoldersAbove extends ForgetfulDisk {
  protected isForgotten(path: string): boolean {
    return !this.created.has(path) && !this.removed.has(path);
  }
}

/** Only folders in which it has created or removed something itself. */
class NoSyncOfResumed extends ForgetfulDisk {
  protected isForgotten(path: string): boolean {
    const own = [...this.created, ...this.removed];
    return !own.some((folder) => folder.startsWith(path));
  }
}

/** Looks for the folder where it was, after its files were unlinked. */
class NoSyncOfFoldersGone extends RecordingDisk {
  override async openFolder(path: string): Promise<DiskFolder> {
    const folder = await super.openFolder(path);
    const opened = this.history.find(relative(this.root, path));
    const isThere = (): boolean => this.history.find(relative(this.root, path)) === opened;
    return { ...folder, sync: () => (isThere() ? folder.sync() : UNSYNCED()) };
  }
}

class NoSync extends RecordingDisk {
  override async open(path: string, mode: OpenMode): Promise<DiskFile> {
    return withoutSyncs(await super.open(path, mode), ['sync', 'datasync']);
  }
}

class NoDatasync extends RecordingDisk {
  override async open(path: string, mode: OpenMode): Promise<DiskFile> {
    return withoutSyncs(await super.open(path, mode), ['datasync']);
  }
}

function withoutSyncs(file: DiskFile, names: readonly ('sync' | 'datasync')[]): DiskFile {
  for (const name of names) file[name] = UNSYNCED;
  return file;
}

class RowsBeforeFiles extends SqliteCopies {
  private readonly gone: PurgedCopy[] = [];

  override listPurged(taskId?: PurgedCopy['taskId']): PurgedCopy[] {
    const purged = super.listPurged(taskId);
    this.gone.push(...purged);
    this.deletePurged(purged.map(({ copyId }) => copyId));
    return this.gone.filter((copy) => taskId === undefined || copy.taskId === taskId);
  }
}

/** Rows of which one change is not synced. */
class UnsyncedRows extends SqliteCopies {
  constructor(protected readonly database: SqliteDatabase) {
    super(database);
  }

  protected unsynced<T>(act: () => T): T {
    const results: T[] = [];
    commitUnsynced(this.database, () => results.push(act()));
    return results[0]!;
  }
}

class UnsyncedCopyRow extends UnsyncedRows {
  override insert(...args: Parameters<SqliteCopies['insert']>): boolean {
    return this.unsynced(() => super.insert(...args));
  }
}

class UnsyncedPieceRow extends UnsyncedRows {
  override insertPieces(...args: Parameters<SqliteCopies['insertPieces']>): boolean {
    return this.unsynced(() => super.insertPieces(...args));
  }
}

class UnsyncedCompletion extends UnsyncedRows {
  override complete(...args: Parameters<SqliteCopies['complete']>): boolean {
    return this.unsynced(() => super.complete(...args));
  }
}

class UnsyncedMark extends SqlitePurges {
  constructor(private readonly database: SqliteDatabase) {
    super(database);
  }

  override apply(...args: Parameters<SqlitePurges['apply']>): ReturnType<SqlitePurges['apply']> {
    const marked: ReturnType<SqlitePurges['apply']> = [];
    commitUnsynced(this.database, () => marked.push(...super.apply(...args)));
    return marked;
  }
}

class RepairOfOrphansAlone extends StartupRepair {
  override async run(): Promise<RepairReport> {
    return { unfinished: 0, lostCopies: 0, orphanFiles: await this.removeOrphans() };
  }
}

/** Reads what a killed process has left as if it were durable. */
function openTrusting({ path }: { readonly path: string }): SqliteDatabase {
  const db = new Database(path);
  for (const pragma of ['journal_mode = WAL', 'synchronous = FULL', 'foreign_keys = ON']) {
    db.pragma(pragma);
  }
  return db;
}

/** Seen by cutting the power anywhere. */
export const CONTROLS: readonly Control[] = [
  {
    name: 'the folder is not synced after an unlink',
    weakness: { disk: NoSyncAfterUnlink },
    breaks: 'DELETED_THERE',
  },
  {
    name: 'rows are deleted before their files are unlinked',
    weakness: { rows: RowsBeforeFiles },
    breaks: 'FILE_WITHOUT_ROW',
  },
  {
    name: "a copy's row is not synced before its file is made",
    weakness: { rows: UnsyncedCopyRow },
    breaks: 'FILE_WITHOUT_ROW',
  },
  {
    name: "a copy's file is made and its folder not synced",
    weakness: { disk: NoSyncAfterCreate },
    breaks: 'COMPLETE_BROKEN',
  },
  {
    name: 'folders above that of the task are not synced',
    weakness: { disk: NoSyncOfFoldersAbove },
    breaks: 'COMPLETE_BROKEN',
  },
  {
    name: "a piece's row is committed before its bytes are synced",
    weakness: { disk: NoDatasync },
    breaks: 'PIECE_BROKEN',
  },
  {
    name: "a piece's row is not synced",
    weakness: { rows: UnsyncedPieceRow },
    breaks: 'PIECE_LOST',
  },
  {
    name: 'a copy is complete before its bytes are synced',
    weakness: { disk: NoSync },
    breaks: 'COMPLETE_BROKEN',
  },
  {
    name: 'that a copy is complete is not synced',
    weakness: { rows: UnsyncedCompletion },
    breaks: 'COMPLETE_LOST',
  },
  {
    name: 'the mark of a purge is not synced',
    weakness: { purges: UnsyncedMark },
    breaks: 'APPLIED_FELL',
  },
  {
    name: 'a start does not finish what was left undone',
    weakness: { repair: RepairOfOrphansAlone },
    breaks: 'NOT_MENDED',
  },
];

/** Seen only if the process was killed before. */
export const CONTROLS_AFTER_KILL: readonly Control[] = [
  {
    name: 'a start takes what it reads for durable',
    weakness: { open: openTrusting },
    breaks: 'APPLIED_FELL',
  },
  {
    name: 'a fill that is taken up trusts the names that lead to its file',
    weakness: { disk: NoSyncOfResumed },
    breaks: 'COMPLETE_BROKEN',
  },
];

/** Seen only while several things are done at once. */
export const CONTROLS_AT_ONCE: readonly Control[] = [
  {
    name: 'a folder that is gone when its files are is not synced',
    weakness: { disk: NoSyncOfFoldersGone },
    breaks: 'DELETED_THERE',
  },
];
