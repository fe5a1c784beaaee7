import { InvalidArgumentError } from './errors.js';

/** Longest duration an operation may be given: 7 days. */
export const DURATION_MS_MAX = 7 * 24 * 60 * 60 * 1000;
/** Shortest duration an operation may be given. */
export const DURATION_MS_MIN = 1;

/** The smallest and the greatest duration a parser lets pass, in ms, both included. */
export interface DurationBounds {
  readonly minMs: number;
  readonly maxMs: number;
}

const NANOSECONDS_PER_UNIT: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
};
const NANOSECONDS_PER_MS = 1e6;
const PART = /(\d{1,16})(ns|us|ms|s|m|h)/g;
const WHOLE = /^(?:\d{1,16}(?:ns|us|ms|s|m|h)){1,6}$/;

/**
 * Parses a duration as Go's clients send it: a JSON whole number is nanoseconds, a string is whole
 * units as Go writes them (`"90s"`, `"1h30m"`, `"500ms"`).
 *
 * @returns whole milliseconds within the bounds; what is finer is cut off.
 * @throws InvalidArgumentError (`INVALID_DURATION`) for anything else, naming `field`.
 */
export function parseDurationMs(
  raw: unknown,
  field: string,
  { minMs, maxMs }: DurationBounds = { minMs: DURATION_MS_MIN, maxMs: DURATION_MS_MAX },
): number {
  const nanoseconds = toNanoseconds(raw);
  if (nanoseconds === undefined) {
    throw invalid(field, 'must be a whole number of nanoseconds or a text like "90s" or "1h30m"');
  }
  const durationMs = Math.floor(nanoseconds / NANOSECONDS_PER_MS);
  if (durationMs < minMs || durationMs > maxMs) {
    throw invalid(
      field,
      `must be between ${formatDuration(minMs)} and ${formatDuration(maxMs)}${hintFor(raw)}`,
    );
  }
  return durationMs;
}

/** Writes whole units, the greatest first: 5_400_000 is `1h30m`, 0 is `0s`. */
export function formatDuration(durationMs: number): string {
  const hours = Math.floor(durationMs / 3_600_000);
  const minutes = Math.floor(durationMs / 60_000) % 60;
  const seconds = Math.floor(durationMs / 1000) % 60;
  const milliseconds = Math.floor(durationMs) % 1000;
  const text = [
    hours > 0 ? `${hours}h` : '',
    minutes > 0 ? `${minutes}m` : '',
    seconds > 0 ? `${seconds}s` : '',
    milliseconds > 0 ? `${milliseconds}ms` : '',
  ].join('');
  return text === '' ? '0s' : text;
}

function toNanoseconds(raw: unknown): number | undefined {
  if (typeof raw === 'number') return Number.isSafeInteger(raw) ? raw : undefined;
  if (typeof raw !== 'string' || !WHOLE.test(raw)) return undefined;
  let total = 0;
  for (const [, count, unit] of raw.matchAll(PART)) {
    total += Number(count) * (NANOSECONDS_PER_UNIT[unit ?? ''] ?? NaN);
  }
  return total;
}

/** A small number is nearly always meant as seconds, so the message says what it was taken for. */
function hintFor(raw: unknown): string {
  if (typeof raw !== 'number' || raw < 1 || raw >= NANOSECONDS_PER_MS) return '';
  return `; ${raw} means ${raw} ns; write "${raw}s"`;
}

function invalid(field: string, rule: string): InvalidArgumentError {
  return new InvalidArgumentError('INVALID_DURATION', `${field} ${rule}.`, { details: { field } });
}
