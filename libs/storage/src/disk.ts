import { lstat, mkdir, open, readdir, rmdir, unlink } from 'node:fs/promises';

/** An open file of a `Disk`. Positions and lengths are bytes. */
export interface DiskFile {
  /** @returns bytes read, 0 at the end of the file. */
  read(
    buffer: Buffer,
    offset: number,
    length: number,
    position: number,
  ): Promise<{ readonly bytesRead: number }>;
  /** @returns bytes written; they may be fewer than asked. */
  write(
    buffer: Buffer,
    offset: number,
    length: number,
    position: number,
  ): Promise<{ readonly bytesWritten: number }>;
  truncate(length: number): Promise<void>;
  /** Makes the bytes and the length durable, of what ended before the call. */
  datasync(): Promise<void>;
  /** As `datasync`, with all that is kept of the file besides. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** An open folder of a `Disk`: the one that was at its path when it was opened, whatever is there now. */
export interface DiskFolder {
  /** Makes what was created and removed in it before the call durable, also if it was removed since. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** `create`: read and written, must not exist; `update`: read and written; `read`: only read. */
export type OpenMode = 'create' | 'update' | 'read';

/**
 * The calls of the file system by which content is kept and removed, so that a test can stand where
 * the disk is and cut its power between any two of them.
 *
 * Nothing is durable because a call has returned: bytes are after `sync` or `datasync` of their file,
 * names after a sync of the folder that they are in. Every call throws what the file system says.
 */
export abstract class Disk {
  /** Makes a folder and those above it that are missing. */
  abstract makeFolder(path: string): Promise<void>;
  abstract open(path: string, mode: OpenMode): Promise<DiskFile>;
  abstract unlink(path: string): Promise<void>;
  /** Removes a folder that is empty. */
  abstract removeFolder(path: string): Promise<void>;
  abstract openFolder(path: string): Promise<DiskFolder>;
  abstract listFolder(path: string): Promise<string[]>;
  /** @returns the length of a regular file; undefined if it is something else. */
  abstract lengthOf(path: string): Promise<number | undefined>;

  /** Makes what was created and removed in a folder before the call durable. */
  async syncFolder(path: string): Promise<void> {
    const folder = await this.openFolder(path);
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  }
}

const FLAGS = { create: 'wx+', update: 'r+', read: 'r' } as const;
const FILE_MODE = 0o640;
const FOLDER_MODE = 0o750;

/** The disk of this machine. */
export class LocalDisk extends Disk {
  async makeFolder(path: string): Promise<void> {
    await mkdir(path, { recursive: true, mode: FOLDER_MODE });
  }

  open(path: string, mode: OpenMode): Promise<DiskFile> {
    return open(path, FLAGS[mode], FILE_MODE);
  }

  unlink(path: string): Promise<void> {
    return unlink(path);
  }

  removeFolder(path: string): Promise<void> {
    return rmdir(path);
  }

  openFolder(path: string): Promise<DiskFolder> {
    return open(path, 'r');
  }

  listFolder(path: string): Promise<string[]> {
    return readdir(path);
  }

  async lengthOf(path: string): Promise<number | undefined> {
    const stat = await lstat(path);
    return stat.isFile() ? stat.size : undefined;
  }
}
