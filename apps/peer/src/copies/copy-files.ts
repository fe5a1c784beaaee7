import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { errnoOf } from '@pondhawk/core';
import { toStorageError, type DiskFile } from '@pondhawk/storage';
import type { CopyFolders } from './copy-folders.js';
import type { CopyPlace } from './copy-paths.js';
import type { Copy, Piece } from './copy.js';

/** A folder may be pruned between its making and the file's; more often than this it is another fault. */
const CREATE_ATTEMPTS_MAX = 5;
const CHECK_CHUNK_BYTES = 256 * 1024;

/**
 * Makes the empty file of a new copy, its name durable.
 *
 * @throws UnavailableError (`DISK_FULL`, `DISK_ERROR`).
 */
export async function createCopyFile(
  { disk, paths }: CopyPlace,
  folders: CopyFolders,
  copy: Copy,
): Promise<DiskFile> {
  const folder = paths.task(copy.taskId);
  for (let attempt = 1; ; attempt += 1) {
    try {
      await disk.makeFolder(folder);
      const handle = await disk.open(paths.copy(copy.taskId, copy.copyId), 'create');
      await folders.makeDurable(copy.taskId);
      return handle;
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT' || attempt === CREATE_ATTEMPTS_MAX) {
        throw toStorageError(error);
      }
    }
  }
}

/**
 * Opens the file of a fill that is taken up, its name durable: whoever made it may have been killed
 * before that. @returns undefined if it is gone.
 */
export async function openForFill(
  { disk, paths }: CopyPlace,
  folders: CopyFolders,
  copy: Copy,
): Promise<DiskFile | undefined> {
  try {
    const file = await disk.open(paths.copy(copy.taskId, copy.copyId), 'update');
    await folders.makeDurable(copy.taskId);
    return file;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw toStorageError(error);
  }
}

/** Reads every piece from disk. @returns those whose digests are right. */
export async function findWholePieces(input: {
  readonly handle: DiskFile;
  readonly pieces: readonly Piece[];
  readonly signal: AbortSignal;
}): Promise<Piece[]> {
  const buffer = Buffer.allocUnsafe(CHECK_CHUNK_BYTES);
  const whole: Piece[] = [];
  for (const piece of input.pieces) {
    if (input.signal.aborted) break;
    if (await isWhole(input.handle, piece, buffer)) whole.push(piece);
  }
  return whole;
}

async function isWhole(handle: DiskFile, piece: Piece, buffer: Buffer): Promise<boolean> {
  const sha = createHash('sha256');
  let crc = 0;
  for (let at = 0; at < piece.length;) {
    const length = Math.min(buffer.length, piece.length - at);
    const { bytesRead } = await handle.read(buffer, 0, length, piece.offset + at);
    if (bytesRead === 0) return false;
    const chunk = buffer.subarray(0, bytesRead);
    crc = crc32(chunk, crc);
    sha.update(chunk);
    at += bytesRead;
  }
  return crc === piece.crc32 && sha.digest().equals(piece.sha256);
}
