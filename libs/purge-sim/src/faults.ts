import { Prng } from './prng.js';

/** Probabilities of one run. Zero is a fault that does not happen in it. */
export interface FaultWeights {
  readonly loss: number;
  readonly twice: number;
  readonly late: number;
  /** A stop between a check and its write, below the margin. */
  readonly pause: number;
  /** The rest are chances at each roll, which comes every `ROLL_MS`. */
  readonly partition: number;
  readonly managerCrash: number;
  readonly schedulerCrash: number;
  readonly hostCrash: number;
  readonly suspend: number;
  readonly clone: number;
  readonly restoreDisk: number;
  readonly restoreLedger: number;
  readonly truncate: number;
  readonly move: number;
  readonly brokerWipe: number;
  /** At each entry that comes: the disk stands still for longer than one bound may take. */
  readonly slowDisk: number;
}

/** Those that a seed draws; a disk that stands still is drawn apart, of a seed of its own. */
const HEAVIEST: Omit<FaultWeights, 'slowDisk'> = {
  loss: 0.3,
  twice: 0.2,
  late: 0.15,
  pause: 0.4,
  partition: 0.3,
  managerCrash: 0.1,
  schedulerCrash: 0.12,
  hostCrash: 0.2,
  suspend: 0.15,
  clone: 0.1,
  restoreDisk: 0.1,
  restoreLedger: 0.08,
  truncate: 0.2,
  move: 0.3,
  brokerWipe: 1,
};

/** Names of all faults. */
export const FAULTS: readonly (keyof FaultWeights)[] = [
  ...(Object.keys(HEAVIEST) as (keyof typeof HEAVIEST)[]),
  'slowDisk',
];
const SLOW_DISK_HEAVIEST = 0.3;
const SLOW_DISK_SHARE = 0.3;
const SLOW_DISK_SEED = 0x5d15c;

/** Draws which faults a run has and how heavily: not one mixture for all runs. */
export function drawFaults(
  seed: number,
  prng: Prng,
  without: readonly string[] = [],
): FaultWeights {
  const share = prng.between(0.1, 0.8);
  const own = new Prng(seed ^ SLOW_DISK_SEED);
  const drawn = FAULTS.map((name) => [name, drawOf(name, share, prng, own)] as const);
  const kept = drawn.map(([name, weight]) => [name, without.includes(name) ? 0 : weight]);
  return Object.fromEntries(kept) as FaultWeights;
}

function drawOf(name: keyof FaultWeights, share: number, prng: Prng, own: Prng): number {
  if (name === 'slowDisk') return own.chance(SLOW_DISK_SHARE) ? SLOW_DISK_HEAVIEST * own.next() : 0;
  return prng.chance(share) ? HEAVIEST[name] * prng.next() : 0;
}
