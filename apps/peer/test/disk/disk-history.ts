import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RandomSource } from '@pondhawk/core';

/** What one call does to a file (`write`, `truncate`) or to a folder (`link`, `unlink`). */
export type Change =
  | { readonly kind: 'write'; readonly offset: number; readonly bytes: Buffer }
  | { readonly kind: 'truncate'; readonly length: number }
  | { readonly kind: 'link'; readonly name: string; readonly node: number }
  | { readonly kind: 'unlink'; readonly name: string };

/** A call that changes something; times are ticks of the history. */
export interface Operation {
  readonly id: number;
  readonly change: Change;
  readonly begunAt: number;
  /** Infinity while it is under way. */
  endedAt: number;
  /** From when on no power cut takes it back: a sync that began after its end has ended. */
  durableAt: number;
}

interface Node {
  readonly kind: 'file' | 'folder';
  operations: Operation[];
}

/** Whether what was not synced is there after a cut: nothing, everything, or as it happens. */
export type Survival = 'nothing' | 'everything' | RandomSource;

/** What a disk writes at once: a longer write can be there in part, in units of this. */
const BLOCK_BYTES = 4096;
const ROOT = 0;

/**
 * Everything that was done to a folder, with what has become durable when. From it follows every
 * state in which a power cut may leave the folder.
 *
 * What is durable is what POSIX promises and no more: bytes by a sync of their file that began after
 * the write had ended, names by a sync of their folder alone. All else may be there or not, in any
 * choice: writes in blocks, a length without its bytes, a later name without an earlier one.
 */
export class DiskHistory {
  private nodes: Node[] = [{ kind: 'folder', operations: [] }];
  private operations = 0;
  private time = 0;

  /** Ticks so far: one for each begin and end of a call. */
  get now(): number {
    return this.time;
  }

  /** Lets a moment pass in which something besides the disk has happened. @returns its tick. */
  tick(): number {
    return ++this.time;
  }

  addNode(kind: Node['kind']): number {
    return this.nodes.push({ kind, operations: [] }) - 1;
  }

  /** A call that has begun: from now on its effect may be there. */
  begin(node: number, change: Change): Operation {
    const operation: Operation = {
      id: this.operations++,
      change,
      begunAt: this.tick(),
      endedAt: Infinity,
      durableAt: Infinity,
    };
    this.nodeOf(node).operations.push(operation);
    return operation;
  }

  end(operation: Operation): void {
    operation.endedAt = this.tick();
  }

  /** A whole call that nothing comes between. */
  apply(node: number, change: Change): void {
    this.end(this.begin(node, change));
  }

  /** A sync of a file or folder that has begun. @returns how to end it. */
  beginSync(node: number): () => void {
    const begunAt = this.tick();
    return () => {
      const endedAt = this.tick();
      for (const operation of this.nodeOf(node).operations) {
        if (operation.endedAt < begunAt) {
          operation.durableAt = Math.min(operation.durableAt, endedAt);
        }
      }
    };
  }

  /** A whole sync. */
  sync(node: number): void {
    this.beginSync(node)();
  }

  /** The node at a path, as running programs see it. */
  find(path: string): number | undefined {
    let node: number | undefined = ROOT;
    for (const name of path.split('/').filter((part) => part !== '')) {
      if (node === undefined) return undefined;
      node = this.namesIn(node, this.time, () => true).get(name);
    }
    return node;
  }

  /** The bytes of a file, as running programs see them. */
  contentOf(node: number): Buffer {
    return this.contentAt(node, this.time, 'everything');
  }

  /** Takes over a folder as it lies there, all of it durable. */
  adopt(directory: string, node = ROOT): void {
    for (const entry of readdirSync(directory, { withFileTypes: true })) {
      if (entry.name.endsWith('-shm')) continue; // SQLite's index of its log: made anew after a crash.
      const child = this.addNode(entry.isDirectory() ? 'folder' : 'file');
      const path = join(directory, entry.name);
      if (entry.isDirectory()) this.adopt(path, child);
      else this.apply(child, { kind: 'write', offset: 0, bytes: readFileSync(path) });
      this.apply(node, { kind: 'link', name: entry.name, node: child });
      this.sync(child);
    }
    this.sync(node);
  }

  /** What a cut at a time leaves open; equal texts give equal choices of states. */
  openAt(time: number): { readonly count: number; readonly text: string } {
    const open: number[] = [];
    let durable = 0;
    for (const { operations } of this.nodes) {
      for (const { id, begunAt, durableAt } of operations) {
        if (durableAt <= time) durable += 1;
        else if (begunAt <= time) open.push(id);
      }
    }
    return { count: open.length, text: `${durable} ${open.join(' ')}` };
  }

  /** Writes the state that a power cut at a time may leave into an empty folder. */
  materialise(time: number, survival: Survival, directory: string, node = ROOT): void {
    const isKept = (): boolean => survives(survival);
    for (const [name, child] of this.namesIn(node, time, isKept)) {
      const path = join(directory, name);
      if (this.nodeOf(child).kind === 'file') {
        writeFileSync(path, this.contentAt(child, time, survival));
      } else {
        mkdirSync(path);
        this.materialise(time, survival, path, child);
      }
    }
  }

  /**
   * The history of a machine on which the process, not the power, ended at a time: what was done is
   * there, and as open to a later power cut as before.
   */
  survive(time: number): DiskHistory {
    const next = new DiskHistory();
    next.time = time;
    next.operations = this.operations;
    next.nodes = this.nodes.map(({ kind, operations }) => ({
      kind,
      operations: operations
        .filter(({ begunAt }) => begunAt <= time)
        .map((operation) => ({
          ...operation,
          endedAt: Math.min(operation.endedAt, time),
          durableAt: operation.durableAt <= time ? operation.durableAt : Infinity,
        })),
    }));
    return next;
  }

  private nodeOf(node: number): Node {
    return this.nodes[node]!;
  }

  private namesIn(node: number, time: number, isKept: () => boolean): Map<string, number> {
    const names = new Map<string, number>();
    for (const { change, begunAt, durableAt } of this.nodeOf(node).operations) {
      if (begunAt > time || (durableAt > time && !isKept())) continue;
      if (change.kind === 'link') names.set(change.name, change.node);
      if (change.kind === 'unlink') names.delete(change.name);
    }
    return names;
  }

  private contentAt(node: number, time: number, survival: Survival): Buffer {
    let content: Buffer = Buffer.alloc(0);
    for (const { change, begunAt, durableAt } of this.nodeOf(node).operations) {
      if (begunAt > time) continue;
      const how = durableAt <= time ? 'everything' : survival;
      if (change.kind === 'write') content = written(content, change, how);
      if (change.kind === 'truncate' && survives(how)) content = resized(content, change.length);
    }
    return content;
  }
}

function survives(survival: Survival): boolean {
  return survival === 'everything' || (survival !== 'nothing' && survival() < 0.5);
}

/** The content after a write of which as much survives as does. */
function written(
  content: Buffer,
  { offset, bytes }: { readonly offset: number; readonly bytes: Buffer },
  survival: Survival,
): Buffer {
  if (survival === 'nothing') return content;
  const end = offset + bytes.length;
  const isWhole = survives(survival);
  if (!isWhole && survives(survival)) return content;
  const result = resized(content, Math.max(content.length, isWhole ? end : offset), false);
  if (isWhole) {
    bytes.copy(result, offset);
    return result;
  }
  return inBlocks(result, { offset, bytes }, survival);
}

/** Each block is written or not; the length may grow without its bytes, which are zeros then. */
function inBlocks(
  content: Buffer,
  { offset, bytes }: { readonly offset: number; readonly bytes: Buffer },
  survival: Survival,
): Buffer {
  const end = offset + bytes.length;
  let result = survives(survival) ? resized(content, Math.max(content.length, end)) : content;
  for (let at = offset; at < end;) {
    const next = Math.min(end, (Math.floor(at / BLOCK_BYTES) + 1) * BLOCK_BYTES);
    if (survives(survival)) {
      result = resized(result, Math.max(result.length, next), false);
      bytes.copy(result, at, at - offset, next - offset);
    }
    at = next;
  }
  return result;
}

function resized(content: Buffer, length: number, mayShorten = true): Buffer {
  if (length === content.length || (length < content.length && !mayShorten)) {
    return Buffer.from(content);
  }
  const result = Buffer.alloc(length);
  content.copy(result, 0, 0, Math.min(content.length, length));
  return result;
}
