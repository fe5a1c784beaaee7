import type { CopyId } from '@pondhawk/core';
import type { DiskUsage } from './disk-usage.js';

/** A copy that may be evicted. */
export interface EvictionCandidate {
  readonly copyId: CopyId;
  readonly lastUsedAtMs: number;
  readonly storedBytes: number;
}

/** When the disk counts as full, and how far it is cleared then. */
export interface Watermarks {
  readonly highPercent: number;
  readonly lowPercent: number;
}

/** Copies unused for longer than `ttlMs`, the longest unused first. */
export function chooseExpired(
  candidates: readonly EvictionCandidate[],
  { nowMs, ttlMs }: { readonly nowMs: number; readonly ttlMs: number },
): EvictionCandidate[] {
  return byLastUse(candidates).filter(({ lastUsedAtMs }) => lastUsedAtMs + ttlMs < nowMs);
}

/** Bytes to free: down to the low watermark once the high one is reached, else 0. */
export function bytesOverLow(usage: DiskUsage, marks: Watermarks): number {
  const { usedBytes, totalBytes } = usage;
  if (totalBytes <= 0 || usedBytes * 100 < totalBytes * marks.highPercent) return 0;
  return Math.max(0, Math.ceil(usedBytes - (totalBytes * marks.lowPercent) / 100));
}

/** The longest unused first. */
export function byLastUse(candidates: readonly EvictionCandidate[]): EvictionCandidate[] {
  return [...candidates].sort(
    (a, b) => a.lastUsedAtMs - b.lastUsedAtMs || (a.copyId < b.copyId ? -1 : 1),
  );
}
