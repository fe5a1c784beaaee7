import type { Control } from './control.js';
import { CONTROLS_OF_COPIES } from './controls-of-copies.js';
import { CONTROLS_OF_FOREIGN } from './controls-of-foreign.js';
import { CONTROLS_OF_LEASES } from './controls-of-leases.js';
import { CONTROLS_OF_LEDGER } from './controls-of-ledger.js';
import { CONTROLS_OF_SERVING } from './controls-of-serving.js';

/** Every weaker variant that must be found out. */
export const CONTROLS: readonly Control[] = [
  ...CONTROLS_OF_COPIES,
  ...CONTROLS_OF_LEASES,
  ...CONTROLS_OF_LEDGER,
  ...CONTROLS_OF_SERVING,
  ...CONTROLS_OF_FOREIGN,
];
