/** Arithmetic on measurements. */

/** The middle value; of an even number of values the mean of the two in the middle. NaN without values. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
  const lower = sorted[Math.ceil(sorted.length / 2) - 1] ?? Number.NaN;
  return (lower + upper) / 2;
}

/** The value that a share of all values does not exceed (nearest rank). NaN without values. @param share 0 to 1. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}

/** How many rounds of a bench are run, and how many of the first are thrown away. */
export interface Rounds {
  readonly count: number;
  readonly dropped: number;
}

/**
 * The order of the sides in one round: each round begins with another side, so that none profits
 * from what its neighbour leaves behind.
 */
export function rotated<T>(sides: readonly T[], round: number): T[] {
  const first = sides.length === 0 ? 0 : round % sides.length;
  return [...sides.slice(first), ...sides.slice(0, first)];
}

/** One way to do the work, by name; `run` gives its measurement. */
export interface Side {
  readonly name: string;
  readonly run: (round: number) => Promise<number>;
}

/** Runs all sides in each round, in turn; gives the measurements of each, without the dropped rounds. */
export async function interleave(
  sides: readonly Side[],
  rounds: Rounds,
  onRound: (round: number, values: ReadonlyMap<string, number>) => void,
): Promise<Map<string, number[]>> {
  const kept = new Map<string, number[]>(sides.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds.count; round++) {
    const values = new Map<string, number>();
    for (const side of rotated(sides, round)) values.set(side.name, await side.run(round));
    onRound(round, values);
    if (round < rounds.dropped) continue;
    for (const [name, value] of values) kept.get(name)?.push(value);
  }
  return kept;
}
