import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A folder that is gone with all it holds after `remove`. */
export interface TempDir {
  readonly path: string;
  remove(): Promise<void>;
}

/** Makes a new folder under the system's folder for temporary files; its name is short enough for sockets. */
export async function makeTempDir(): Promise<TempDir> {
  const path = await mkdtemp(join(tmpdir(), 'ph-'));
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}
