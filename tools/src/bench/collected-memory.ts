/** Memory of a process after its garbage was collected. */

import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { eventually } from '@pondhawk/testing';
import { KIB } from './bench-options.js';

const TIMEOUT_MS = 20_000;

/** What a process has to be started with, so that its memory can be read. */
export function collectable(file: string): Record<string, string> {
  return {
    NODE_OPTIONS: `--require ${join(__dirname, 'gc-on-signal.js')}`,
    BENCH_MEMORY_FILE: file,
  };
}

/** Memory in RAM and on the heap, in KiB. @throws Error unless the process answers. */
export async function readCollected(
  pid: number,
  file: string,
): Promise<{ readonly residentKib: number; readonly heapKib: number }> {
  await rm(file, { force: true });
  process.kill(pid, 'SIGUSR2');
  const text = await eventually(() => readFile(file, 'utf8'), { timeoutMs: TIMEOUT_MS });
  const { rss, heapUsed } = JSON.parse(text) as NodeJS.MemoryUsage;
  return { residentKib: rss / KIB, heapKib: heapUsed / KIB };
}
