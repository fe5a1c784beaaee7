/** FILE appears whole or not at all. */

import { randomBytes } from 'node:crypto';
import { link, lstat, open, rename, stat, unlink, type FileHandle } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { errnoOf, toError } from '@pondhawk/core';
import { CliError, ExitCode } from '../exit-code.js';

const RANDOM_BYTES = 6;

/**
 * The file that is written beside FILE until the last byte is there and synced.
 *
 * Life: `create` makes it; `append` fills it; then exactly one of `publish` (FILE is there, the part is gone) and `discard`
 * (the part is gone).
 */
export class PartFile {
  private size = 0;

  private constructor(
    private readonly path: string,
    private readonly target: string,
    private readonly handle: FileHandle,
  ) {}

  /**
   * Makes the part file in the folder of `file`.
   *
   * @throws CliError (`FILE_EXISTS`, `IS_A_FOLDER`, `FOLDER_MISSING`, `FILE_NOT_WRITABLE`).
   */
  static async create(file: string, { overwrite }: { overwrite: boolean }): Promise<PartFile> {
    const target = resolve(file);
    await refuseTarget(target, overwrite);
    const random = randomBytes(RANDOM_BYTES).toString('hex');
    const path = join(dirname(target), `.${basename(target)}.pondhawk-part-${random}`);
    try {
      return new PartFile(path, target, await open(path, 'wx'));
    } catch (error) {
      throw notWritable(target, error);
    }
  }

  /** Bytes written so far. */
  get sizeBytes(): number {
    return this.size;
  }

  /** @throws CliError (`FILE_NOT_WRITABLE`). */
  async append(bytes: Uint8Array): Promise<void> {
    let done = 0;
    try {
      while (done < bytes.length) {
        const rest = bytes.subarray(done);
        const { bytesWritten } = await this.handle.write(rest, 0, rest.length, this.size);
        done += bytesWritten;
        this.size += bytesWritten;
      }
    } catch (error) {
      throw notWritable(this.target, error);
    }
  }

  /**
   * Makes FILE of it: the bytes synced, then the name, then the folder.
   *
   * @throws CliError (`FILE_EXISTS` if FILE has come into being meanwhile and may not be replaced, `FILE_NOT_WRITABLE`).
   */
  async publish({ overwrite }: { overwrite: boolean }): Promise<void> {
    try {
      await this.handle.sync();
      await this.handle.close();
      if (overwrite) await rename(this.path, this.target);
      else await this.linkToTarget();
      await syncFolder(dirname(this.target));
    } catch (error) {
      if (error instanceof CliError) throw error;
      throw errnoOf(error) === 'EEXIST' ? exists(this.target) : notWritable(this.target, error);
    }
  }

  /** Removes the part; what was under FILE's name stays. */
  async discard(): Promise<void> {
    // Closed already after `publish` came half way.
    await this.handle.close().catch(() => undefined);
    await unlink(this.path).catch((error: unknown) => {
      if (errnoOf(error) !== 'ENOENT') throw error;
    });
  }

  /** A link fails where the name is taken, so nobody's file is replaced between a look and the act. */
  private async linkToTarget(): Promise<void> {
    try {
      await link(this.path, this.target);
    } catch (error) {
      // File systems without links: a look and a rename have to do.
      if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'].includes(errnoOf(error) ?? '')) throw error;
      await refuseTarget(this.target, false);
      await rename(this.path, this.target);
      return;
    }
    await unlink(this.path);
  }
}

async function refuseTarget(target: string, overwrite: boolean): Promise<void> {
  const found = await lstat(target).catch((error: unknown) => {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw notWritable(target, error);
  });
  if (found === undefined) {
    const folder = await stat(dirname(target)).catch(() => undefined);
    if (folder?.isDirectory() === true) return;
    throw new CliError('FOLDER_MISSING', `The folder ${dirname(target)} does not exist.`, {
      exitCode: ExitCode.Failed,
      hint: 'Make it first, or choose another FILE.',
    });
  }
  if (found.isDirectory()) {
    throw new CliError('IS_A_FOLDER', `${target} is a folder.`, {
      exitCode: ExitCode.Failed,
      hint: 'Name the file to write, not its folder.',
    });
  }
  if (!overwrite) throw exists(target);
}

function exists(target: string): CliError {
  return new CliError('FILE_EXISTS', `${target} exists.`, {
    exitCode: ExitCode.Failed,
    hint: 'Give --overwrite to replace it.',
  });
}

function notWritable(target: string, thrown: unknown): CliError {
  const error = toError(thrown);
  return new CliError(
    'FILE_NOT_WRITABLE',
    `Cannot write ${target} (${errnoOf(error) ?? error.message}).`,
    { exitCode: ExitCode.Failed, cause: error },
  );
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
