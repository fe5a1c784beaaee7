/** Readings of this machine and its processes (Linux: /proc). */

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { loadavg } from 'node:os';
import { crc32 } from 'node:zlib';
import { MIB } from './bench-options.js';

const KIB_PER_MIB = 1024;
/** Linux reports processor time in hundredths of a second, whatever its own clock does. */
const TICKS_PER_SECOND = 100;

/** Memory of a process that is in RAM, in MiB. */
export async function residentMib(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) / KIB_PER_MIB;
}

/** Processor time a process has used so far, in seconds. */
export async function processorSeconds(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  // The name in parentheses may hold spaces; utime and stime are fields 14 and 15.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** How many processes wanted a core, over the last minute. */
export function loadAverage(): string {
  return (loadavg()[0] ?? 0).toFixed(2);
}

const DIGEST_BYTES = 128 * MIB;

/** How fast this machine computes the digests of pieces and files, for people. */
export function digestSpeeds(): string {
  const bytes = Buffer.alloc(DIGEST_BYTES, 7);
  const mibPerSecond = (compute: () => unknown): string => {
    const startedAt = performance.now();
    compute();
    const seconds = (performance.now() - startedAt) / 1_000;
    return (DIGEST_BYTES / MIB / seconds).toFixed(0);
  };
  const crc = mibPerSecond(() => crc32(bytes));
  const sha = mibPerSecond(() => createHash('sha256').update(bytes).digest());
  return `CRC-32 ${crc} MiB/s, SHA-256 ${sha} MiB/s`;
}
