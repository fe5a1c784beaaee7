import type { Prng } from './prng.js';

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
}

const HEAVIEST: FaultWeights = {
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
export const FAULTS = Object.keys(HEAVIEST) as (keyof FaultWeights)[];

/** Draws which faults a run has and how heavily: not one mixture for all runs. */
export function drawFaults(prng: Prng, without: readonly string[] = []): FaultWeights {
  const share = prng.between(0.1, 0.8);
  const drawn = FAULTS.map((name) => {
    const weight = prng.chance(share) ? HEAVIEST[name] * prng.next() : 0;
    return [name, without.includes(name) ? 0 : weight] as const;
  });
  return Object.fromEntries(drawn) as unknown as FaultWeights;
}
