import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ManualClock, NoFaults, parseTaskId, type Faults, type TaskId } from '@pondhawk/core';
import { MemoryLog } from '@pondhawk/observability';
import {
  LocalDisk,
  migrate,
  openDatabase,
  type Disk,
  type SqliteDatabase,
} from '@pondhawk/storage';
import {
  CopyPaths,
  CopyStore,
  SqliteCopies,
  type Copy,
  type NewCopy,
} from '../src/copies/index.js';
import { DeletionAnnouncer, StartupRepair, TaskDeletion } from '../src/deletion/index.js';
import { PEER_MIGRATIONS } from '../src/migrations/index.js';
import { PurgeLog, SqlitePurges } from '../src/purge-log/index.js';

export const PIECE_BYTES = 64 * 1024;

class RememberedAnnouncements extends DeletionAnnouncer {
  readonly tasks: TaskId[] = [];

  announceDeleted(taskId: TaskId): Promise<void> {
    this.tasks.push(taskId);
    return Promise.resolve();
  }
}

/** A real store in a folder of its own. */
export interface StoreFixture {
  readonly dir: string;
  readonly db: SqliteDatabase;
  readonly rows: SqliteCopies;
  readonly paths: CopyPaths;
  readonly copies: CopyStore;
  readonly deletion: TaskDeletion;
  readonly repair: StartupRepair;
  readonly purges: PurgeLog;
  readonly clock: ManualClock;
  readonly log: MemoryLog;
  readonly announced: readonly TaskId[];
  /** Closes the store, keeps the folder. */
  close(): Promise<void>;
  /** Closes the store and removes the folder. */
  dispose(): Promise<void>;
}

/** What a store is made of instead of what a daemon has. */
export interface StoreOptions {
  readonly dir?: string;
  readonly faults?: Faults;
  readonly disk?: Disk;
  /** What the store gets in the place of the database just opened. */
  readonly watch?: (db: SqliteDatabase) => SqliteDatabase;
  readonly rows?: typeof SqliteCopies;
  readonly purges?: typeof SqlitePurges;
  readonly repair?: typeof StartupRepair;
  readonly open?: typeof openDatabase;
}

export function openStore(options: StoreOptions = {}): StoreFixture {
  const dir = options.dir ?? mkdtempSync(join(tmpdir(), 'ph-store-'));
  const opened = (options.open ?? openDatabase)({ path: join(dir, 'peer.db') });
  migrate(opened, PEER_MIGRATIONS);
  const db = options.watch?.(opened) ?? opened;
  const rows = new (options.rows ?? SqliteCopies)(db);
  const paths = new CopyPaths(dir);
  const disk = options.disk ?? new LocalDisk();
  const clock = new ManualClock(1_000_000);
  const faults = options.faults ?? new NoFaults();
  const log = new MemoryLog();
  const announcer = new RememberedAnnouncements();
  const copies = new CopyStore({ rows, paths, disk, clock, faults });
  const deletion = new TaskDeletion({ copies, rows, paths, disk, announcer, faults, log });
  copies.connect({
    discard: async (copyId) => {
      await deletion.deleteCopies([copyId], { onlyIdle: false, announce: false });
    },
  });
  const close = async (): Promise<void> => {
    await copies.stop();
    await deletion.idle();
    db.close();
  };
  return {
    dir,
    db,
    rows,
    paths,
    copies,
    deletion,
    repair: new (options.repair ?? StartupRepair)({ copies, deletion, paths, disk, log }),
    purges: new PurgeLog({ rows: new (options.purges ?? SqlitePurges)(db), deletion, log }),
    clock,
    log,
    announced: announcer.tasks,
    close,
    dispose: async () => {
      await close();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

export function taskIdOf(name: string): TaskId {
  return parseTaskId(createHash('sha256').update(name).digest('hex'));
}

export function newCopy(taskId: TaskId, contentLength?: number): NewCopy {
  return {
    taskId,
    url: 'http://origin.test/file',
    tag: '',
    application: '',
    pieceLength: PIECE_BYTES,
    ...(contentLength === undefined ? {} : { contentLength }),
    validator: { etag: '"1"', lastModified: '' },
  };
}

/** Bytes that differ from place to place. */
export function contentOf(lengthBytes: number, seed = 1): Buffer {
  const content = Buffer.allocUnsafe(lengthBytes);
  let state = seed;
  for (let i = 0; i < lengthBytes; i += 1) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    content[i] = state >>> 16;
  }
  return content;
}

/** Slices of a content as pieces. */
export function slicesOf(content: Buffer): { number: number; offset: number; bytes: Buffer }[] {
  const slices = [];
  for (let offset = 0, number = 0; offset < content.length; offset += PIECE_BYTES, number += 1) {
    slices.push({ number, offset, bytes: content.subarray(offset, offset + PIECE_BYTES) });
  }
  return slices;
}

/** Fills a task from first to last piece and completes it. */
export async function fillWhole(
  store: Pick<StoreFixture, 'copies'>,
  taskId: TaskId,
  content: Buffer,
): Promise<Copy> {
  const fill = await store.copies.beginFill(newCopy(taskId, content.length));
  for (const { number, offset, bytes } of slicesOf(content)) {
    const writer = fill.openPiece({ number, offset, length: bytes.length, originHostId: 'me' });
    await writer.write(bytes);
    await writer.finish();
  }
  return fill.complete({ contentLength: content.length });
}

/** Every regular file under the content folder. */
export function filesIn(dir: string): string[] {
  const root = join(dir, 'content');
  try {
    return readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((path) =>
      statSync(join(root, path)).isFile(),
    );
  } catch {
    return []; // No content folder yet.
  }
}

/** Everything of a copy, through a reader. */
export async function readAll(store: Pick<StoreFixture, 'copies'>, copy: Copy): Promise<Buffer> {
  const reader = await store.copies.openForReading(copy.copyId);
  const buffer = Buffer.alloc(copy.contentLength ?? 0);
  await reader.read(buffer, { position: 0, length: buffer.length });
  await reader.close();
  return buffer;
}
