import { dirname } from 'node:path';
import { InvariantError, errnoOf } from '@pondhawk/core';
import type { Disk } from '@pondhawk/storage';
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

/** Makes an unlink in `folder` durable; a folder that is gone needs nothing. */
export async function syncIfThere(disk: Disk, folder: string): Promise<void> {
  try {
    await disk.syncFolder(folder);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
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
