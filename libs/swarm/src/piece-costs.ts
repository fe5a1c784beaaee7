/** How long a peer took for its pieces, in constant space. */

/** From so many costs on they tell how far they scatter; before, only a gross outlier counts. */
export const SCATTER_KNOWN_FROM = 2_000;
const SLOW_FACTOR = 20;
const SLOW_DEVIATIONS = 3;

/**
 * Mean and deviation of all costs but the last (Welford's method), and the last one. A parent whose
 * last piece was an outlier is left out until its next piece is not.
 */
export class PieceCosts {
  private count = 0;
  private meanMs = 0;
  private squares = 0; // Sum of squared distances from the mean.
  private lastMs: number | undefined;

  /** Takes the next cost. */
  add(costMs: number): void {
    if (this.lastMs !== undefined) {
      this.count += 1;
      const distance = this.lastMs - this.meanMs;
      this.meanMs += distance / this.count;
      this.squares += distance * (this.lastMs - this.meanMs);
    }
    this.lastMs = costMs;
  }

  /**
   * Whether the last piece took more than 20 times the mean of those before or, once 2,000 are known,
   * more than the mean and three standard deviations (Dragonfly's rule).
   */
  get isLastSlow(): boolean {
    if (this.lastMs === undefined || this.count === 0) return false;
    if (this.count < SCATTER_KNOWN_FROM)
      return this.lastMs > SLOW_FACTOR * Math.max(this.meanMs, 1);
    return this.lastMs > this.meanMs + SLOW_DEVIATIONS * Math.sqrt(this.squares / this.count);
  }
}
