import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { errnoOf, toError, type CopyId } from '@pondhawk/core';
import type { Copy } from '../../src/copies/index.js';
import { filesIn, openStore, type StoreFixture } from '../store-fixture.js';
import { EPOCH, versionOf, type Report, type Weakness } from './machine.js';

/** What must hold after a power cut, by the name that a violation has. */
export type Guarantee =
  | 'DATABASE_BROKEN' // The database cannot be opened, or is damaged.
  | 'FILE_WITHOUT_ROW' // Content that no row accounts for.
  | 'DELETED_THERE' // A file of a copy that was reported deleted.
  | 'DELETED_SERVABLE' // A row of such a copy that is not marked.
  | 'COMPLETE_BROKEN' // A complete row whose file is gone or not whole.
  | 'COMPLETE_LOST' // A copy reported complete is not.
  | 'PIECE_BROKEN' // A piece's row without its bytes.
  | 'PIECE_LOST' // A piece reported whole has no row.
  | 'APPLIED_FELL' // The number reported as applied is not.
  | 'ANSWER_CHANGED' // A purge that was answered is answered in another way.
  | 'NOT_MENDED'; // Something of it is left after the next start.

/** A guarantee that does not hold, and where. */
export interface Violation {
  readonly guarantee: Guarantee;
  readonly text: string;
}

/** Looks at a folder after a power cut, starts the real store on it, and looks what it does. */
export async function examine(
  dir: string,
  reports: readonly Report[],
  { repair }: Weakness,
): Promise<Violation[]> {
  let store: StoreFixture;
  try {
    store = openStore({ dir, ...(repair && { repair }) });
  } catch (error) {
    return [{ guarantee: 'DATABASE_BROKEN', text: toError(error).message }];
  }
  try {
    const examination = new Examination(store, reports);
    examination.beforeStart();
    await examination.afterStart();
    return examination.violations;
  } finally {
    await store.close();
  }
}

class Examination {
  readonly violations: Violation[] = [];
  private readonly removing: Set<CopyId>;
  private readonly deleted: Set<CopyId>;

  constructor(
    private readonly store: StoreFixture,
    private readonly reports: readonly Report[],
  ) {
    const idsOf = (kind: 'removing' | 'deleted'): CopyId[] =>
      reports.flatMap((one) => (one.kind === kind ? one.copyIds : []));
    this.removing = new Set(idsOf('removing'));
    this.deleted = new Set(idsOf('deleted'));
  }

  /** The disk as the power cut left it. */
  beforeStart(): void {
    const check = this.store.db.pragma('quick_check', { simple: true });
    if (check !== 'ok') this.add('DATABASE_BROKEN', String(check));
    this.files();
    for (const copy of this.store.copies.listCopies()) this.row(copy);
    for (const report of this.reports) this.kept(report);
  }

  /** What the next start makes of it, and whether it can be worked with. */
  async afterStart(): Promise<void> {
    const { repair, copies, log, purges } = this.store;
    const { unfinished } = await repair.run();
    if (unfinished > 0) this.add('NOT_MENDED', `${unfinished} deletions`);
    for (const { level, message } of log.lines) {
      if (level === 'error') this.add('NOT_MENDED', message);
    }
    this.leftOver();
    // Nothing was filled before the host followed a log; else this would drop it.
    purges.adopt({ epoch: EPOCH, first: 1, head: 0, headHash: '' });
    await this.purgeAgain();
    for (const copy of [...copies.listCopies()]) {
      if (copy.state === 'filling') await this.fillOn(copy);
    }
    this.leftOver();
  }

  private files(): void {
    for (const path of filesIn(this.store.dir)) {
      const copyId = basename(path) as CopyId;
      if (this.deleted.has(copyId)) this.add('DELETED_THERE', path);
      if (this.store.copies.findCopy(copyId) === undefined) this.add('FILE_WITHOUT_ROW', path);
    }
  }

  private row(copy: Copy): void {
    if (copy.state === 'purged') return;
    if (this.deleted.has(copy.copyId)) this.add('DELETED_SERVABLE', copy.copyId);
    const { content } = versionOf(copy.tag);
    const bytes = this.read(copy);
    for (const { number, offset, length } of this.store.copies.piecesOf(copy.copyId)) {
      const end = offset + length;
      if (bytes?.subarray(offset, end).equals(content.subarray(offset, end)) !== true) {
        this.add('PIECE_BROKEN', `${copy.copyId} ${number}`);
      }
    }
    if (copy.state === 'complete' && bytes?.equals(content) !== true) {
      this.add('COMPLETE_BROKEN', `${copy.copyId}: ${bytes?.length ?? 'no'} bytes`);
    }
  }

  private kept(report: Report): void {
    const { copies, purges } = this.store;
    if (report.kind === 'applied') {
      const { epoch, applied } = purges.position;
      if (epoch !== EPOCH || applied < report.seq) {
        this.add('APPLIED_FELL', `from ${report.seq} to ${applied} of ${epoch}`);
      }
    }
    if (report.kind !== 'complete' && report.kind !== 'piece') return;
    if (this.removing.has(report.copyId)) return;
    if (report.kind === 'complete' && copies.findCopy(report.copyId)?.state !== 'complete') {
      this.add('COMPLETE_LOST', report.copyId);
    }
    if (report.kind === 'piece' && !copies.findPiece(report.copyId, report.number)) {
      this.add('PIECE_LOST', `${report.copyId} ${report.number}`);
    }
  }

  /** Rows without files, files without rows, marked rows, copies that are not whole. */
  private leftOver(): void {
    this.files();
    for (const copy of this.store.copies.listCopies()) {
      if (copy.state === 'purged') this.add('NOT_MENDED', `marked ${copy.copyId}`);
      else if (this.read(copy) === undefined) this.add('NOT_MENDED', `no file of ${copy.copyId}`);
      else this.row(copy);
      if (this.deleted.has(copy.copyId)) this.add('NOT_MENDED', `row of ${copy.copyId}`);
    }
  }

  /** A scheduler sends again what the host has not applied, and asks again for what it has. */
  private async purgeAgain(): Promise<void> {
    const { purges, copies } = this.store;
    const entries = this.reports.flatMap((one) =>
      one.kind === 'removing' && one.entry !== undefined ? [one.entry] : [],
    );
    await Promise.all(purges.take(EPOCH, entries).values());
    for (const { seq, taskId } of entries) {
      const answer = await purges.answerOf(seq, taskId);
      const report = this.reports.find((one) => one.kind === 'answered' && one.entry.seq === seq);
      if (report?.kind === 'answered' && !isSame(report.answer, answer)) {
        this.add('ANSWER_CHANGED', `${JSON.stringify(report.answer)} to ${JSON.stringify(answer)}`);
      }
      const older = copies.listByTask(taskId).filter(({ filledAt }) => filledAt < seq);
      if (older.length > 0) this.add('NOT_MENDED', `purge ${seq} left ${older.length} copies`);
    }
  }

  private async fillOn({ taskId, copyId, tag }: Copy): Promise<void> {
    const { content, pieceLength } = versionOf(tag);
    const fill = await this.store.copies.resumeFill(taskId);
    if (fill === undefined) {
      this.add('NOT_MENDED', `fill of ${copyId} cannot be taken up`);
      return;
    }
    for (let number = 0; number * pieceLength < content.length; number += 1) {
      if (fill.pieces.has(number)) continue;
      const offset = number * pieceLength;
      const writer = fill.openPiece({ number, offset, originHostId: 'me' });
      await writer.write(content.subarray(offset, offset + pieceLength));
      await writer.finish();
    }
    await fill.complete({ contentLength: content.length });
  }

  private read({ taskId, copyId }: Copy): Buffer | undefined {
    try {
      return readFileSync(this.store.paths.copy(taskId, copyId));
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return undefined;
      throw error;
    }
  }

  private add(guarantee: Guarantee, text: string): void {
    this.violations.push({ guarantee, text });
  }
}

function isSame(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
