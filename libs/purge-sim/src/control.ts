import type { PurgeRules } from '@pondhawk/purge';
import { type FaultWeights, onlyFaults } from './faults.js';
import { REAL_PARTS, type SimParts } from './parts.js';
import type { Invariant } from './truth.js';

/** A weaker part in the place of a rule, and the invariants by which it must be found. */
export interface Control {
  readonly name: string;
  readonly parts: SimParts;
  readonly invariants: readonly Invariant[];
  /** The faults in which it is looked for; undefined: what each seed draws. */
  readonly weather: FaultWeights | undefined;
}

/** What a control is weaker in. */
interface Weakness extends Partial<Omit<SimParts, 'rules'>> {
  readonly rules?: Partial<PurgeRules>;
}

/** The rules as they are. */
export const REAL_RULES = REAL_PARTS.rules;
/** Somebody may serve what has been purged. */
export const UNSAFE: readonly Invariant[] = [
  'PURGED_BYTES_SERVED',
  'LEASED_AT_SUCCESS',
  'FENCED_BUT_SERVES',
];
/** Somebody may serve what has been purged, or keeps it as if it were new. */
export const STALE: readonly Invariant[] = ['PURGED_BYTES_IN_COPY', ...UNSAFE];
/** Hosts that come back to a scheduler in trouble. */
export const COMEBACKS = onlyFaults({ comeback: 0.15, pause: 0.4 });

/** A control that differs from the protocol in nothing but `weakness`. */
export function control(
  name: string,
  weakness: Weakness,
  invariants: readonly Invariant[],
  weather?: FaultWeights,
): Control {
  const rules = { ...REAL_RULES, ...weakness.rules };
  return { name, parts: { ...REAL_PARTS, ...weakness, rules }, invariants, weather };
}
