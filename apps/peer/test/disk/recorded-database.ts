import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf } from '@pondhawk/core';
import type { SqliteDatabase } from '@pondhawk/storage';
import type { DiskHistory } from './disk-history.js';

const DATABASE = 'peer.db';
const LOG = 'peer.db-wal';
const INDEX = 'peer.db-shm';
/** Where the index has the number of frames that are in the database (32 bits, in the machine's order). */
const FRAMES_TAKEN_AT = 96;
const ROOT = 0;
const HEADER_BYTES = 32;
/** So few, instead of a thousand, that the log is taken over and begun anew again and again. */
const CHECKPOINT_PAGES = 16;
/** Value of `PRAGMA synchronous` from which on every commit is synced. */
const FULL = 2;

/**
 * A real database of which every commit is remembered in a disk's history, by what has changed in
 * its two files, in the order in which SQLite writes and syncs them: a log begun anew gets its
 * header, synced; frames go to its end; they are synced if `synchronous` stands at FULL in that very
 * moment; a checkpoint syncs the log, then writes pages, then syncs them.
 */
export class RecordedDatabase {
  /** What the store works with. */
  readonly db: SqliteDatabase;
  private readonly last = new Map<string, Buffer>();
  private framesTaken = 0;
  private isNameSynced = false; // That of the log, which its first sync after each opening does.

  constructor(
    private readonly real: SqliteDatabase,
    private readonly directory: string,
    private readonly history: DiskHistory,
  ) {
    for (const name of [DATABASE, LOG]) {
      const node = history.find(name);
      if (node !== undefined) this.last.set(name, history.contentOf(node));
    }
    this.observe(); // What opening it did.
    real.pragma(`wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
    this.db = this.watched(real);
  }

  /** Closes it, which writes the log's pages into the database and removes the log. */
  close(): void {
    this.real.close();
    this.observe();
  }

  private watched(real: SqliteDatabase): SqliteDatabase {
    const observed = <T extends object>(value: T): T => this.observed(value);
    return new Proxy(real, {
      get: (target, key) => {
        const value: unknown = Reflect.get(target, key, target);
        if (typeof value !== 'function') return value;
        const method = value.bind(target) as (...args: unknown[]) => unknown;
        if (key === 'prepare') {
          return (...args: unknown[]) => {
            const statement = method(...args) as object & { readonly readonly: boolean };
            return statement.readonly ? statement : observed(statement);
          };
        }
        if (key === 'transaction')
          return (...args: unknown[]) => observed(method(...args) as object);
        return (...args: unknown[]) => this.after(method(...args));
      },
    });
  }

  /** The same object; whatever is called of it, or itself, may have committed. */
  private observed<T extends object>(value: T): T {
    return new Proxy(value, {
      get: (target, key) => {
        const member: unknown = Reflect.get(target, key, target);
        if (typeof member !== 'function') return member;
        return (...args: unknown[]) => this.after(Reflect.apply(member, target, args) as unknown);
      },
      apply: (target, self, args: unknown[]) =>
        this.after<unknown>(Reflect.apply(target as () => unknown, self, args)),
    });
  }

  private after<T>(result: T): T {
    if (this.real.open && !this.real.inTransaction) this.observe();
    return result;
  }

  private observe(): void {
    const log = this.read(LOG);
    const database = this.read(DATABASE) ?? Buffer.alloc(0);
    const isCheckpoint = this.hasTakenFrames() || !database.equals(this.formerOf(DATABASE));
    const hasCommitted = log !== undefined && this.writeLog(log);
    if (this.last.has(LOG) && (isCheckpoint || (hasCommitted && this.isSynced()))) this.syncLog();
    if (isCheckpoint) this.writePages(database);
    if (log === undefined && this.last.delete(LOG)) {
      this.history.apply(ROOT, { kind: 'unlink', name: LOG });
    }
  }

  private isSynced(): boolean {
    return Number(this.real.pragma('synchronous', { simple: true })) >= FULL;
  }

  private formerOf(name: string): Buffer {
    return this.last.get(name) ?? Buffer.alloc(0);
  }

  /**
   * Whether pages were taken from the log into the database, be they the same as before: the index of
   * the log counts the frames that were; it begins with none after a crash or a new log. Closing does it too.
   */
  private hasTakenFrames(): boolean {
    if (!this.real.open) return this.last.has(LOG);
    const former = this.framesTaken;
    this.framesTaken = this.read(INDEX)?.readUInt32LE(FRAMES_TAKEN_AT) ?? 0;
    return this.framesTaken > 0 && this.framesTaken !== former;
  }

  /** @returns whether there was anything to write. */
  private writeLog(log: Buffer): boolean {
    const former = this.formerOf(LOG);
    if (!this.last.has(LOG)) {
      const node = this.history.addNode('file');
      this.history.apply(ROOT, { kind: 'link', name: LOG, node });
      this.isNameSynced = false;
    }
    this.last.set(LOG, log);
    if (log.equals(former)) return false;
    const node = this.history.find(LOG)!;
    const header = log.subarray(0, HEADER_BYTES);
    if (!header.equals(former.subarray(0, HEADER_BYTES))) {
      this.history.apply(node, { kind: 'write', offset: 0, bytes: header });
      this.syncLog();
    }
    if (log.length < former.length) {
      this.history.apply(node, { kind: 'truncate', length: log.length });
    }
    const from = firstDifference(log, former, HEADER_BYTES);
    const bytes = log.subarray(from, lastDifference(log, former) + 1);
    if (bytes.length > 0) this.history.apply(node, { kind: 'write', offset: from, bytes });
    return true;
  }

  private syncLog(): void {
    this.history.sync(this.history.find(LOG)!);
    if (!this.isNameSynced) this.history.sync(ROOT);
    this.isNameSynced = true;
  }

  private writePages(database: Buffer): void {
    const node = this.history.find(DATABASE)!;
    const former = this.formerOf(DATABASE);
    const from = firstDifference(database, former, 0);
    const bytes = database.subarray(from, lastDifference(database, former) + 1);
    // Page by page, any of which may be there: the disk's blocks are as long.
    if (bytes.length > 0) this.history.apply(node, { kind: 'write', offset: from, bytes });
    this.history.sync(node);
    this.last.set(DATABASE, database);
  }

  private read(name: string): Buffer | undefined {
    try {
      return readFileSync(join(this.directory, name));
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return undefined;
      throw error;
    }
  }
}

function firstDifference(one: Buffer, other: Buffer, from: number): number {
  let at = from;
  while (at < one.length && at < other.length && one[at] === other[at]) at += 1;
  return at;
}

/** Position of the last byte of `one` that `other` has not at the same place. */
function lastDifference(one: Buffer, other: Buffer): number {
  let at = one.length - 1;
  while (at >= 0 && at < other.length && one[at] === other[at]) at -= 1;
  return at;
}
