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
  /** At each entry that comes: the disk takes its time. */
  readonly busyDisk: number;
  /** At each entry that comes: the disk stands still for longer than one bound may take. */
  readonly slowDisk: number;
  /** Of a scheduler, while all else passes: no orders, and views without an answer or with a late one. */
  readonly newsStall: number;
  /** A host is away for long, and comes back to a scheduler in trouble. */
  readonly comeback: number;
  /** A host that crashes twice in a row, with its first life's answers under way. */
  readonly flap: number;
  /** At each suspension: one clock alone counts the time, as after a pause from outside. */
  readonly oneClock: number;
  /** Serving without a lease is allowed, or not any more. */
  readonly waiver: number;
  /** At each ledger that is restored: its witness is gone as well. */
  readonly witnessLoss: number;
  /** Above zero, the cluster has daemons of another make. */
  readonly foreign: number;
  /** Of such a cluster: that our own hosts may download from them. */
  readonly foreignParents: number;
  /** Of each such daemon: that it keeps what it says it has deleted. */
  readonly foreignLiar: number;
  /** One of them crashes. */
  readonly foreignCrash: number;
  /** At each report of a scheduler: the ledger cannot write it at first, so that it comes again after others. */
  readonly busyLedger: number;
}

/** Drawn apart from the others, each of a seed of its own: in which share of the runs, and how heavily. */
const APART = {
  slowDisk: { heaviest: 0.3, share: 0.3, seed: 0x5d15c },
  newsStall: { heaviest: 1, share: 0.3, seed: 0x71e35 },
  comeback: { heaviest: 0.1, share: 0.5, seed: 0xc0eba },
  flap: { heaviest: 0.15, share: 0.3, seed: 0xf1ab5 },
  oneClock: { heaviest: 1, share: 0.5, seed: 0xc10c4 },
  waiver: { heaviest: 0.1, share: 0.2, seed: 0x3a1fe },
  witnessLoss: { heaviest: 0.5, share: 0.3, seed: 0x3174e },
  foreign: { heaviest: 1, share: 0.2, seed: 0xf03e1 },
  foreignParents: { heaviest: 1, share: 0.5, seed: 0xf9a3e },
  foreignLiar: { heaviest: 0.5, share: 0.4, seed: 0xf11a3 },
  foreignCrash: { heaviest: 0.1, share: 0.6, seed: 0xfc3a5 },
  busyLedger: { heaviest: 0.6, share: 0.6, seed: 0xb1ed9 },
};

/** Those that a seed draws together. */
const HEAVIEST: Omit<FaultWeights, keyof typeof APART> = {
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
  busyDisk: 0.4,
};

/** Runs of few faults: where all else goes well, one that is overlooked has the time to do harm. */
const CALM = { runs: 0.3, share: 0.05, seed: 0xca13 };

/** Names of all faults. */
export const FAULTS: readonly (keyof FaultWeights)[] = [
  ...(Object.keys(HEAVIEST) as (keyof typeof HEAVIEST)[]),
  ...(Object.keys(APART) as (keyof typeof APART)[]),
];

/** These faults and no others. */
export function onlyFaults(weights: Partial<FaultWeights>): FaultWeights {
  const all = FAULTS.map((name) => [name, weights[name] ?? 0] as const);
  return Object.fromEntries(all) as Record<keyof FaultWeights, number>;
}

/** The same faults but these. */
export function withoutFaults(weights: FaultWeights, without: readonly string[]): FaultWeights {
  const kept = FAULTS.map((name) => [name, without.includes(name) ? 0 : weights[name]] as const);
  return Object.fromEntries(kept) as Record<keyof FaultWeights, number>;
}

/** As words of a command: each fault with its probability, those that do not happen left out. */
export function formatFaults(weights: FaultWeights): string {
  const happening = FAULTS.filter((name) => weights[name] > 0);
  return happening.map((name) => `${name}=${weights[name]}`).join(',');
}

/**
 * Reads what `formatFaults` wrote.
 *
 * @throws RangeError naming a word that is no fault with a probability.
 */
export function parseFaults(text: string): FaultWeights {
  const words = text.split(',').filter((word) => word !== '');
  const weights = words.map((word) => {
    const [name = '', value = ''] = word.split('=');
    const isKnown = (FAULTS as readonly string[]).includes(name);
    if (!isKnown || !(Number(value) >= 0 && Number(value) <= 1 && value !== ''))
      throw new RangeError(
        `--weather ${word}: not one of ${FAULTS.join(', ')} with a number from 0 to 1`,
      );
    return [name, Number(value)];
  });
  return onlyFaults(Object.fromEntries(weights) as Partial<FaultWeights>);
}

/** Draws which faults a run has and how heavily: not one mixture for all runs. */
export function drawFaults(
  seed: number,
  prng: Prng,
  without: readonly string[] = [],
): FaultWeights {
  const isCalm = new Prng(seed ^ CALM.seed).chance(CALM.runs);
  const share = isCalm ? CALM.share : prng.between(0.1, 0.8);
  const drawn = FAULTS.map((name) => [name, drawOf(name, share, { seed, prng })] as const);
  return withoutFaults(Object.fromEntries(drawn) as Record<keyof FaultWeights, number>, without);
}

function drawOf(
  name: keyof FaultWeights,
  share: number,
  { seed, prng }: { readonly seed: number; readonly prng: Prng },
): number {
  if (!isApart(name)) return prng.chance(share) ? HEAVIEST[name] * prng.next() : 0;
  const { heaviest, share: ownShare, seed: ownSeed } = APART[name];
  const own = new Prng(seed ^ ownSeed);
  return own.chance(ownShare) ? heaviest * own.next() : 0;
}

function isApart(name: keyof FaultWeights): name is keyof typeof APART {
  return name in APART;
}
