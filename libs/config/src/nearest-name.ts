/** A name further away than this share of its length is no likely typing error. */
const DISTANCE_RATIO_MAX = 0.5;

/** The candidate with the fewest typing errors between it and `name`, if there are few enough. */
export function nearestOf(name: string, candidates: readonly string[]): string | undefined {
  let best: { candidate: string; distance: number } | undefined;
  for (const candidate of candidates) {
    const distance = editDistance(name, candidate);
    if (best === undefined || distance < best.distance) best = { candidate, distance };
  }
  const limit = Math.ceil(name.length * DISTANCE_RATIO_MAX);
  return best !== undefined && best.distance <= limit ? best.candidate : undefined;
}

/** Levenshtein's distance: insertions, deletions, replacements. */
function editDistance(from: string, to: string): number {
  let previous = Array.from({ length: to.length + 1 }, (_unused, index) => index);
  for (let row = 1; row <= from.length; row++) {
    const current = [row];
    for (let column = 1; column <= to.length; column++) {
      const isSame = from[row - 1] === to[column - 1];
      current.push(
        Math.min(
          (previous[column] ?? 0) + 1,
          (current[column - 1] ?? 0) + 1,
          (previous[column - 1] ?? 0) + (isSame ? 0 : 1),
        ),
      );
    }
    previous = current;
  }
  return previous[to.length] ?? 0;
}
