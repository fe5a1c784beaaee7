import { dirname } from 'node:path';
import { InvariantError, errnoOf } from '@pondhawk/core';
import type { Disk, DiskFolder } from '@pondhawk/storage';
import type { CopyPlace } from '../copies/index.js';

/**
 * Unlinks a file; that it is not there counts as done.
 *
 * @throws InvariantError (`UNLINK_FAILED`) with errno and the path relative to the data folder.
 */
export async function unlinkContent({ disk, paths }: CopyPlace, path: string): Promise<void> {
  try {
    await disk.unlink(path);
  } catch (error) {
    const errno = errnoOf(error) ?? 'unknown';
    if (errno === 'ENOENT') return;
    throw new InvariantError(
      'UNLINK_FAILED',
      `Content file ${paths.relative(path)} cannot be unlinked (${errno}).`,
      { cause: error, details: { errno, path: paths.relative(path) } },
    );
  }
}

/**
 * Has names in a folder removed by `remove`, and makes that durable. If the folder is gone already,
 * that is made durable which removed it: until then a power cut may bring it back with all its files.
 */
export async function removeDurably<T>(
  disk: Disk,
  folder: string,
  remove: () => Promise<T>,
): Promise<T> {
  // Opened before: meanwhile others may remove it as empty, and make it anew.
  const opened = await openIfThere(disk, folder);
  try {
    const result = await remove();
    await (opened?.sync() ?? syncNearest(disk, dirname(folder)));
    return result;
  } finally {
    await opened?.close();
  }
}

async function openIfThere(disk: Disk, folder: string): Promise<DiskFolder | undefined> {
  try {
    return await disk.openFolder(folder);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Syncs the folder, or the nearest one above that is there. */
async function syncNearest(disk: Disk, folder: string): Promise<void> {
  const opened = await openIfThere(disk, folder);
  if (opened === undefined) return syncNearest(disk, dirname(folder));
  try {
    await opened.sync();
  } finally {
    await opened.close();
  }
}

/** Removes the folder and its shard if they are empty. */
export async function pruneEmpty(disk: Disk, folder: string): Promise<void> {
  for (const path of [folder, dirname(folder)]) {
    try {
      await disk.removeFolder(path);
    } catch (error) {
      const errno = errnoOf(error);
      if (errno === 'ENOENT') continue;
      // ENOTEMPTY: other copies, or a fill that begins just now. Anything else leaves an empty
      // folder behind, which holds no content and is tried again at the next start.
      return;
    }
  }
}

/** Whether there is a regular file, and its length. */
export async function fileLength(disk: Disk, path: string): Promise<number | undefined> {
  try {
    return await disk.lengthOf(path);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}
