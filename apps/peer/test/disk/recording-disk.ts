import {
  closeSync,
  ftruncateSync,
  lstatSync,
  mkdirSync,
  openSync,
  readSync,
  readdirSync,
  rmdirSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, relative } from 'node:path';
import { errnoOf, type RandomSource } from '@pondhawk/core';
import { Disk, type DiskFile, type DiskFolder, type OpenMode } from '@pondhawk/storage';
import type { Change, DiskHistory } from './disk-history.js';

const FLAGS = { create: 'wx+', update: 'r+', read: 'r' } as const;

/** Lets calls that run at once go on in an order that a seed decides. */
export class Turns {
  private readonly waiting: (() => void)[] = [];

  constructor(private readonly random: RandomSource) {}

  /** Resolves when it is this caller's turn. */
  wait(): Promise<void> {
    return new Promise((resolve) => {
      this.waiting.push(resolve);
      if (this.waiting.length === 1) setImmediate(() => this.next());
    });
  }

  private next(): void {
    const chosen = Math.floor(this.random() * this.waiting.length);
    this.waiting.splice(chosen, 1).forEach((go) => go());
    if (this.waiting.length > 0) setImmediate(() => this.next());
  }
}

/** A real folder, of which everything that is done to it is remembered. */
export class RecordingDisk extends Disk {
  constructor(
    protected readonly root: string,
    readonly history: DiskHistory,
    private readonly turns: Turns,
  ) {
    super();
  }

  async makeFolder(path: string): Promise<void> {
    const levels = relative(this.root, path).split('/');
    for (let depth = 1; depth <= levels.length; depth += 1) {
      const level = levels.slice(0, depth).join('/');
      if (this.history.find(level) !== undefined) continue;
      const node = this.history.addNode('folder');
      try {
        await this.change(dirname(level), { kind: 'link', name: basename(level), node }, () => {
          mkdirSync(`${this.root}/${level}`);
        });
      } catch (error) {
        if (errnoOf(error) !== 'EEXIST') throw error; // Else somebody has made it just now.
      }
    }
  }

  async open(path: string, mode: OpenMode): Promise<DiskFile> {
    const name = relative(this.root, path);
    if (mode !== 'create') {
      await this.turns.wait();
      const fd = openSync(path, FLAGS[mode]);
      return new RecordedFile(fd, this.history.find(name)!, this.history, this.turns);
    }
    const node = this.history.addNode('file');
    const link: Change = { kind: 'link', name: basename(name), node };
    let fd = -1;
    await this.change(dirname(name), link, () => (fd = openSync(path, FLAGS.create)));
    return new RecordedFile(fd, node, this.history, this.turns);
  }

  async unlink(path: string): Promise<void> {
    const name = relative(this.root, path);
    await this.change(dirname(name), { kind: 'unlink', name: basename(name) }, () => {
      unlinkSync(path);
    });
  }

  async removeFolder(path: string): Promise<void> {
    const name = relative(this.root, path);
    await this.change(dirname(name), { kind: 'unlink', name: basename(name) }, () => {
      rmdirSync(path);
    });
  }

  async openFolder(path: string): Promise<DiskFolder> {
    await this.turns.wait();
    readdirSync(path); // Fails as the call would.
    const node = this.history.find(relative(this.root, path))!;
    return {
      sync: async () => {
        await this.turns.wait();
        const end = this.history.beginSync(node);
        await this.turns.wait();
        end();
      },
      close: () => this.turns.wait(),
    };
  }

  async listFolder(path: string): Promise<string[]> {
    await this.turns.wait();
    return readdirSync(path);
  }

  async lengthOf(path: string): Promise<number | undefined> {
    await this.turns.wait();
    const stat = lstatSync(path);
    return stat.isFile() ? stat.size : undefined;
  }

  /** A name comes or goes at once: who sees it may sync it. */
  private async change(folder: string, change: Change, act: () => void): Promise<void> {
    await this.turns.wait();
    const node = this.history.find(folder === '.' ? '' : folder);
    act(); // Fails if there is no such folder.
    this.history.apply(node!, change);
    await this.turns.wait();
  }
}

class RecordedFile implements DiskFile {
  private readonly underWay = new Set<Promise<unknown>>();
  private isClosed = false;

  constructor(
    private readonly fd: number,
    private readonly node: number,
    private readonly history: DiskHistory,
    private readonly turns: Turns,
  ) {}

  read(
    buffer: Buffer,
    offset: number,
    length: number,
    position: number,
  ): Promise<{ bytesRead: number }> {
    return this.call(async () => {
      await this.turns.wait();
      return { bytesRead: readSync(this.fd, buffer, offset, length, position) };
    });
  }

  write(
    buffer: Buffer,
    offset: number,
    length: number,
    position: number,
  ): Promise<{ bytesWritten: number }> {
    return this.call(async () => {
      await this.turns.wait();
      const bytes = Buffer.from(buffer.subarray(offset, offset + length));
      const operation = this.history.begin(this.node, { kind: 'write', offset: position, bytes });
      writeSync(this.fd, bytes, 0, length, position);
      await this.turns.wait();
      this.history.end(operation);
      return { bytesWritten: length };
    });
  }

  truncate(length: number): Promise<void> {
    return this.call(async () => {
      await this.turns.wait();
      const operation = this.history.begin(this.node, { kind: 'truncate', length });
      ftruncateSync(this.fd, length);
      await this.turns.wait();
      this.history.end(operation);
    });
  }

  datasync(): Promise<void> {
    return this.sync();
  }

  sync(): Promise<void> {
    return this.call(async () => {
      await this.turns.wait();
      const end = this.history.beginSync(this.node);
      await this.turns.wait();
      end();
    });
  }

  /** As Node's: waits for calls under way; later ones fail. */
  async close(): Promise<void> {
    this.isClosed = true;
    await Promise.allSettled(this.underWay);
    closeSync(this.fd);
  }

  private async call<T>(act: () => Promise<T>): Promise<T> {
    if (this.isClosed) throw Object.assign(new Error('file closed'), { code: 'EBADF' });
    const call = act();
    this.underWay.add(call);
    try {
      return await call;
    } finally {
      this.underWay.delete(call);
    }
  }
}
