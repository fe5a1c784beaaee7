import type { Parent } from './parent.js';

/** A parent that has not told of a new piece for so long is not waited for. */
export const PATIENCE_MS = 2_000;
/** So often one piece is asked of a parent that would otherwise be spared, to see how fast it is. */
export const PROBE_INTERVAL_MS = 15_000;
/** The first of these comes earlier. */
export const FIRST_PROBE_MS = 5_000;

/** What the preference looks at of a parent. */
export type PreferredParent = Pick<
  Parent,
  'pieces' | 'isUsable' | 'mayLearnMore' | 'hasRoom' | 'newsAtMs' | 'inFlight'
>;

/** A piece on its way, for the comparison of rates. */
export interface PieceInFlight {
  readonly isProbe: boolean;
  readonly startedAtMs: number;
}

/**
 * Which parents a child asks, and which it spares.
 *
 * Of parents that are still filling, the one with the fewest pieces comes first, and those with more
 * are spared as long as it brings new pieces and can send them at once: their uplinks are for the
 * children that have nobody else. So hosts that fetch the same content in the same instant fall into
 * a line in which each sends about one copy, however little its uplink gives.
 *
 * A line is as slow as its slowest downlink. So from time to time one piece is asked of a spared
 * parent; if that connection alone is faster than all that comes otherwise, nobody is spared for a while.
 */
export class ParentPreference {
  private probeAtMs: number;
  private openUntilMs = 0;
  private receivedBytes = 0; // Since `rateSinceMs`, probes left out.
  private rateSinceMs: number;
  private isProbing = false;

  constructor(private readonly nowMs: () => number) {
    this.rateSinceMs = nowMs();
    this.probeAtMs = this.rateSinceMs + FIRST_PROBE_MS;
  }

  /** The parents that may be asked now, each with what it has, best first. */
  allowed<P extends PreferredParent>(
    parents: readonly P[],
    isWanted: (pieceNumber: number) => boolean,
  ): { readonly parent: P; readonly isProbe: boolean }[] {
    const nowMs = this.nowMs();
    const usable = parents
      .filter((parent) => parent.isUsable)
      .sort((a, b) => a.pieces.size - b.pieces.size || a.inFlight - b.inFlight);
    const isOpen = nowMs < this.openUntilMs;
    const found: { parent: P; isProbe: boolean }[] = [];
    let isSpared = false;
    for (const parent of usable) {
      const isProbe = isSpared && !isOpen;
      const mayBeAsked = !isProbe || this.mayProbe(nowMs);
      if (parent.hasRoom && mayBeAsked) found.push({ parent, isProbe });
      isSpared ||= this.isBringing(parent, nowMs) && !isSaturated(parent, isWanted);
    }
    // A probe tells something only when it is really asked.
    const probe = found.find((one) => one.isProbe);
    return probe === undefined ? found : [probe, ...found.filter((one) => !one.isProbe)];
  }

  /** A piece is asked for. */
  started(isProbe: boolean): PieceInFlight {
    if (isProbe) this.isProbing = true;
    return { isProbe, startedAtMs: this.nowMs() };
  }

  /** It has come, or failed with 0 bytes. */
  ended(piece: PieceInFlight, bytes: number): void {
    if (!piece.isProbe) {
      this.receivedBytes += bytes;
      return;
    }
    const nowMs = this.nowMs();
    const probeRate = bytes / Math.max(nowMs - piece.startedAtMs, 1);
    const rate = this.receivedBytes / Math.max(nowMs - this.rateSinceMs, 1);
    this.isProbing = false;
    this.probeAtMs = nowMs + PROBE_INTERVAL_MS;
    if (probeRate > rate) this.openUntilMs = this.probeAtMs;
    this.receivedBytes = 0;
    this.rateSinceMs = nowMs;
  }

  private mayProbe(nowMs: number): boolean {
    return !this.isProbing && nowMs >= this.probeAtMs;
  }

  private isBringing(parent: PreferredParent, nowMs: number): boolean {
    return parent.mayLearnMore && nowMs - parent.newsAtMs < PATIENCE_MS;
  }
}

/** Whether it has more for this child than it can be asked for at once: others must help. */
function isSaturated(parent: PreferredParent, isWanted: (pieceNumber: number) => boolean): boolean {
  if (parent.hasRoom) return false;
  for (const number of parent.pieces) if (isWanted(number)) return true;
  return false;
}
