/** Sizes, rates and times for people. */

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const;
const STEP = 1024;

/** `0 B`, `999 B`, `1.5 KiB`, `64.0 MiB`. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  // 1023.95 would be written as 1024.0, so it belongs to the next unit already.
  while (value >= (unit === 0 ? STEP : STEP - 0.05) && unit < UNITS.length - 1) {
    value /= STEP;
    unit += 1;
  }
  return `${unit === 0 ? String(Math.trunc(value)) : value.toFixed(1)} ${UNITS[unit] ?? ''}`;
}

/** Bytes a second; `-` while no time has passed. */
export function formatRate(bytes: number, elapsedMs: number): string {
  return elapsedMs <= 0 ? '-' : `${formatBytes((bytes * 1000) / elapsedMs)}/s`;
}

/** `3s`, `2m05s`, `1h02m`; `-` for what cannot be told. */
export function formatTimeLeft(leftMs: number | undefined): string {
  if (leftMs === undefined || !Number.isFinite(leftMs)) return '-';
  const seconds = Math.ceil(leftMs / 1000);
  if (seconds < 60) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}m${pad(seconds % 60)}s`;
  return `${Math.floor(minutes / 60)}h${pad(minutes % 60)}m`;
}

/** Time that the rest takes at the average rate so far, in ms; undefined while nothing has come. */
export function timeLeftMs(of: {
  readonly doneBytes: number;
  readonly totalBytes: number;
  readonly elapsedMs: number;
}): number | undefined {
  if (of.doneBytes <= 0) return undefined;
  return ((of.totalBytes - of.doneBytes) * of.elapsedMs) / of.doneBytes;
}

function pad(value: number): string {
  return String(value).padStart(2, '0');
}
