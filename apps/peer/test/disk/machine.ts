import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseTaskId, type CopyId, type RandomSource, type TaskId } from '@pondhawk/core';
import { MemoryLog } from '@pondhawk/observability';
import { chainHash, type PurgeEntry } from '@pondhawk/purge';
import type { Copy, Fill } from '../../src/copies/index.js';
import { DiskGauge, DiskReserve, GarbageCollector } from '../../src/gc/index.js';
import type { PurgeAnswer } from '../../src/purge-log/index.js';
import {
  contentOf,
  newCopy,
  openStore,
  type StoreFixture,
  type StoreOptions,
} from '../store-fixture.js';
import { DiskHistory } from './disk-history.js';
import { RecordedDatabase } from './recorded-database.js';
import { RecordingDisk, Turns } from './recording-disk.js';

/** The log that every purge here is of. */
export const EPOCH = 'e1'.repeat(16);
/** Three blocks, of which the last is not full. */
const PIECE_LENGTH = 9_000;
/** More than is written at once: a piece of several writes. */
const BIG_PIECE_LENGTH = 300_000;
const UNUSED_AFTER_MS = 1_000;

/** What a peer has told somebody, or is about to do, and when. A power cut may not make it untrue. */
export type Report = { readonly at: number } & (
  | { readonly kind: 'piece'; readonly copyId: CopyId; readonly number: number }
  | { readonly kind: 'complete'; readonly copyId: CopyId }
  /** From now on these copies may go. */
  | { readonly kind: 'removing'; readonly copyIds: readonly CopyId[]; readonly entry?: PurgeEntry }
  | { readonly kind: 'applied'; readonly seq: number }
  | { readonly kind: 'deleted'; readonly copyIds: readonly CopyId[] }
  | { readonly kind: 'answered'; readonly entry: PurgeEntry; readonly answer: PurgeAnswer }
);
type Untimed<T> = T extends unknown ? Omit<T, 'at'> : never;

/** How a store is made weaker than it is. */
export interface Weakness extends Pick<StoreOptions, 'rows' | 'purges' | 'repair' | 'open'> {
  readonly disk?: typeof RecordingDisk;
}

/** Where states are written: in memory, where there is such a folder. */
export function makeFolder(): string {
  return mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'ph-power-'));
}

const contents = new Map<string, Buffer>();

/** What a task is filled with in one version: small pieces, or one of several writes. */
export function versionOf(version: string): { content: Buffer; pieceLength: number } {
  const isBig = version.startsWith('big');
  const pieceLength = isBig ? BIG_PIECE_LENGTH : PIECE_LENGTH;
  let content = contents.get(version);
  if (content === undefined) {
    const seed = Buffer.from(version).reduce((sum, byte) => (sum * 31 + byte) >>> 0, 7);
    content = contentOf(pieceLength + 100, seed);
    contents.set(version, content);
  }
  return { content, pieceLength };
}

/** Three task ids; the folders of the first two lie in one folder. */
export function someTaskIds(): readonly [TaskId, TaskId, TaskId] {
  const taskId = (shard: string, rest: string): TaskId =>
    parseTaskId(shard + rest.padStart(61, '0'));
  return [taskId('abc', '1'), taskId('abc', '2'), taskId('def', '3')];
}

/** The real store of a peer on a disk whose power may be cut, and what it has reported so far. */
export class Machine {
  readonly directory: string;
  readonly reports: Report[];
  /** When it was switched on. */
  readonly startedAt: number;
  private readonly entries: PurgeEntry[];
  private readonly turns: Turns;
  private database!: RecordedDatabase;
  store!: StoreFixture;

  constructor(
    private readonly random: RandomSource,
    readonly weakness: Weakness = {},
    readonly history = new DiskHistory(),
    former: { readonly reports: readonly Report[] } = { reports: [] },
  ) {
    this.directory = makeFolder();
    this.reports = [...former.reports];
    this.entries = this.reports.flatMap((one) =>
      one.kind === 'removing' && one.entry !== undefined ? [one.entry] : [],
    );
    this.turns = new Turns(random);
    history.materialise(history.now, 'everything', this.directory);
    this.open();
    this.startedAt = history.now;
  }

  /** What a daemon does before anybody can ask it. */
  async start(): Promise<void> {
    await this.store.repair.run();
    this.store.purges.adopt({ epoch: EPOCH, first: 1, head: 0, headHash: '' });
    this.report({ kind: 'applied', seq: this.store.purges.position.applied });
    await this.apply(this.entries);
  }

  /** Fills a task, or takes up its fill; `pieces` of it, or all and then it is complete. */
  async fill(taskId: TaskId, version: string, pieces = Infinity): Promise<void> {
    const { copies } = this.store;
    const fresh = versionOf(version);
    const fill =
      (await copies.resumeFill(taskId)) ??
      (await copies.beginFill({
        ...newCopy(taskId, fresh.content.length),
        pieceLength: fresh.pieceLength,
        tag: version,
      }));
    const { content, pieceLength } = versionOf(fill.copy.tag);
    await this.writePieces(fill, pieces);
    if (fill.pieces.size * pieceLength < content.length) {
      await fill.close();
      return;
    }
    await fill.complete({ contentLength: content.length });
    this.report({ kind: 'complete', copyId: fill.copyId });
  }

  /** Applies the next purges, together, and waits for their answers. */
  async purge(taskIds: readonly TaskId[]): Promise<void> {
    const entries = taskIds.map((taskId) => {
      const seq = this.entries.length + 1;
      const entry = {
        seq,
        taskId,
        chainHash: chainHash(this.entries.at(-1)?.chainHash ?? '', seq, taskId),
      };
      this.entries.push(entry);
      const copyIds = idsOf(this.store.copies.listByTask(taskId));
      this.report({ kind: 'removing', copyIds, entry });
      return entry;
    });
    await this.apply(entries);
  }

  /** What of these purges is next, as the scheduler sends it. */
  private async apply(entries: readonly PurgeEntry[]): Promise<void> {
    const { purges } = this.store;
    const taken = purges.take(EPOCH, entries);
    this.report({ kind: 'applied', seq: purges.position.applied });
    for (const [seq, answering] of taken) {
      const answer = await answering;
      const entry = this.entries[seq - 1]!;
      const copyIds = this.reports.flatMap((one) =>
        one.kind === 'removing' && one.entry?.seq === seq ? one.copyIds : [],
      );
      if (answer.outcome === 'failed') throw new Error(answer.message);
      this.report({ kind: 'deleted', copyIds });
      this.report({ kind: 'answered', entry, answer });
    }
  }

  /** Deletes a task as its owner may. */
  async delete(taskId: TaskId): Promise<void> {
    const copyIds = idsOf(this.store.copies.listByTask(taskId));
    this.report({ kind: 'removing', copyIds });
    await this.store.deletion.deleteTask(taskId, { announce: false });
    this.report({ kind: 'deleted', copyIds });
  }

  /** Collects everything that is not in use. */
  async collect(): Promise<void> {
    const { copies, deletion, repair, clock } = this.store;
    clock.advance(UNUSED_AFTER_MS + 1);
    const copyIds = idsOf([...copies.listCopies()]);
    this.report({ kind: 'removing', copyIds });
    await new GarbageCollector({
      copies,
      deletion,
      repair,
      reserve: new NoReserve(join(this.directory, 'reserve')),
      disk: new EmptyDisk(),
      clock,
      log: new MemoryLog(),
      settings: { intervalMs: 1e6, ttlMs: UNUSED_AFTER_MS, highPercent: 80, lowPercent: 60 },
    }).collect();
    const gone = copyIds.filter((copyId) => copies.findCopy(copyId) === undefined);
    this.report({ kind: 'deleted', copyIds: gone });
  }

  /** Stops in order and starts again. */
  async restart(): Promise<void> {
    await this.stop();
    this.open();
    await this.start();
  }

  /** The machine after its process, not its power, ended at a moment; it is not started yet. */
  kill(at: number): Machine {
    const reports = this.reports.filter((one) => one.at <= at);
    const history = this.history.survive(at);
    return new Machine(this.random, this.weakness, history, { reports });
  }

  /** Stops, and removes its folder. */
  async dispose(): Promise<void> {
    await this.stop();
    rmSync(this.directory, { recursive: true, force: true });
  }

  private async stop(): Promise<void> {
    await this.store.copies.stop();
    await this.store.deletion.idle();
    this.database.close();
  }

  private open(): void {
    const { history, directory, weakness } = this;
    const disk = new (weakness.disk ?? RecordingDisk)(directory, history, this.turns);
    this.store = openStore({
      ...weakness,
      dir: directory,
      disk,
      watch: (db) => {
        if (history.now === 0) history.adopt(directory);
        this.database = new RecordedDatabase(db, directory, history);
        return this.database.db;
      },
    });
  }

  private async writePieces(fill: Fill, most: number): Promise<void> {
    const { content, pieceLength } = versionOf(fill.copy.tag);
    let written = 0;
    for (let number = 0; number * pieceLength < content.length; number += 1) {
      if (fill.pieces.has(number)) continue;
      if (written === most) return;
      written += 1;
      const offset = number * pieceLength;
      const bytes = content.subarray(offset, offset + pieceLength);
      const writer = fill.openPiece({ number, offset, length: bytes.length, originHostId: 'me' });
      await writer.write(bytes);
      await writer.finish();
      this.report({ kind: 'piece', copyId: fill.copyId, number });
    }
  }

  private report(report: Untimed<Report>): void {
    this.reports.push({ ...report, at: this.history.tick() });
  }
}

/** Space for emergencies is no content, and goes by calls that are not recorded. */
class NoReserve extends DiskReserve {
  override take(): Promise<void> {
    return Promise.resolve();
  }
}

class EmptyDisk extends DiskGauge {
  measure(): Promise<{ usedBytes: number; totalBytes: number }> {
    return Promise.resolve({ usedBytes: 0, totalBytes: 1 });
  }
}

function idsOf(copies: readonly Copy[]): CopyId[] {
  return copies.map(({ copyId }) => copyId);
}
