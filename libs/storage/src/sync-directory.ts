import { open } from 'node:fs/promises';

/**
 * Makes the names in a folder durable: after it, a file created, renamed or unlinked there before
 * the call stays so through a power cut.
 *
 * @throws the error of the file system, for `toStorageError`.
 */
export async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
