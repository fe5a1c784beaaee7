import { closeSync, openSync, readSync } from 'node:fs';
import { LeaseClocks, UnavailableError, type ClockReadings } from '@pondhawk/core';

const UPTIME_PATH = '/proc/uptime';
const UPTIME_BYTES_MAX = 64;
const MS_PER_SECOND = 1_000;

/**
 * The clocks of a running daemon. Time since boot is that of `/proc/uptime`, to 10 ms: Node's own
 * `os.uptime()` was seen to stand still while the machine slept. The file stays open, and a reading
 * costs some 2 µs. Where there is no such file, the wall clock alone tells of a suspended machine.
 */
export class SystemLeaseClocks extends LeaseClocks {
  private readonly uptime: number | undefined;
  private readonly buffer = Buffer.alloc(UPTIME_BYTES_MAX);

  /** @throws Error of `open`, other than ENOENT. */
  constructor(private readonly path = UPTIME_PATH) {
    super();
    this.uptime = openIfThere(path);
  }

  read(): ClockReadings {
    const monotonicMs = performance.now();
    return { monotonicMs, sinceBootMs: this.sinceBootMs() ?? monotonicMs, wallMs: Date.now() };
  }

  /** Gives the file back; nothing may be read any more. */
  close(): void {
    if (this.uptime !== undefined) closeSync(this.uptime);
  }

  private sinceBootMs(): number | undefined {
    if (this.uptime === undefined) return undefined;
    const length = readSync(this.uptime, this.buffer, 0, UPTIME_BYTES_MAX, 0);
    const seconds = Number.parseFloat(this.buffer.toString('latin1', 0, length));
    if (Number.isFinite(seconds)) return seconds * MS_PER_SECOND;
    // No number must be taken for one: a lease without a clock would never be over.
    throw new UnavailableError('CLOCK_UNREADABLE', `${this.path} does not begin with a number.`);
  }
}

function openIfThere(path: string): number | undefined {
  try {
    return openSync(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
