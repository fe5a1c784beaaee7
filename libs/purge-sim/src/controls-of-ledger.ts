/** Weaker variants of what the ledger decides: accept, R8, R9, R10, log id. */

import { COMEBACKS, type Control, REAL_RULES as real, STALE, UNSAFE, control } from './control.js';
import { onlyFaults } from './faults.js';
import { REAL_PARTS } from './parts.js';
import type { Invariant } from './truth.js';

/** What a ledger that went back without anybody knowing leads to. */
const FORGOTTEN: readonly Invariant[] = ['VIEW_STALE', ...STALE];

/** @see Control */
export const CONTROLS_OF_LEDGER: readonly Control[] = [
  control(
    'R5, R9: targets read before the transaction of the accept',
    { acceptMs: 50 },
    UNSAFE,
    COMEBACKS,
  ),
  control(
    'R8: success with targets that have not answered',
    { rules: { isBoundOver: () => true } },
    UNSAFE,
  ),
  control(
    'R8: an order that is said to be done ends a purge, although one host has no outcome',
    {
      endPurges: (state, mayEnd) => {
        const purges = state.purges.map((purge) => {
          // What the last but one report says gets lost, with one host.
          const told = purge.targets.filter(({ outcome }) => outcome !== 'pending');
          const isOneOpen = told.length > 0 && told.length === purge.targets.length - 1;
          return isOneOpen && mayEnd(purge) ? { ...purge, targets: told } : purge;
        });
        return REAL_PARTS.endPurges({ ...state, purges }, mayEnd);
      },
    },
    UNSAFE,
  ),
  control(
    'R8: a bound without the host lease',
    {
      rules: {
        isBoundOver: (seen, now, timing) =>
          real.isBoundOver(seen, now, { ...timing, hostLeaseMs: 0 }),
      },
    },
    UNSAFE,
  ),
  control(
    'R8: a bound without the scheduler lease',
    {
      rules: {
        isBoundOver: (seen, now, timing) =>
          real.isBoundOver(seen, now, { ...timing, schedulerLeaseMs: 0 }),
      },
    },
    UNSAFE,
  ),
  control(
    'R8, R9: no margin',
    {
      rules: {
        isBoundOver: (seen, now, timing) => real.isBoundOver(seen, now, { ...timing, marginMs: 0 }),
        countsAsLeased: (row, now, timing) =>
          real.countsAsLeased(row, now, { ...timing, marginMs: 0 }),
      },
    },
    UNSAFE,
    COMEBACKS,
  ),
  control(
    'R9: a lost connection counts no longer',
    {
      rules: {
        countsAsLeased: (row, now, timing) =>
          row.lostAtMs === undefined && real.countsAsLeased(row, now, timing),
      },
    },
    UNSAFE,
  ),
  control(
    'R9: a row counts for the host lease alone after the last view of its scheduler',
    {
      rules: {
        countsAsLeased: (row, now, timing) =>
          now - row.viewedAtMs < timing.hostLeaseMs && real.countsAsLeased(row, now, timing),
      },
    },
    UNSAFE,
  ),
  control(
    'R9: targets without enrolment, only known holders',
    { isTarget: (_row, { isHolder }) => isHolder },
    UNSAFE,
  ),
  control(
    'R9: memory that a restart empties answers for the absent: nobody to ask is a success',
    { isTarget: () => false },
    UNSAFE,
  ),
  control('R9: no caution after a start', { rules: { isCautious: () => false } }, UNSAFE),
  control(
    'R10: an answer counts for whoever has the host id',
    { rules: { standsFor: (answer, target) => answer.hostId === target.hostId } },
    UNSAFE,
  ),
  control(
    'after the bound: nobody is given up',
    { rules: { isBoundOver: () => false, countsAsLeased: () => true } },
    ['JOB_NOT_ENDED'],
  ),
  control(
    'log id: the same epoch after a restore',
    { rules: { mustRenewEpoch: (witness) => witness === undefined } },
    FORGOTTEN,
  ),
  control(
    'log id: a ledger without a witness is trusted',
    {
      rules: {
        mustRenewEpoch: (witness, ledger) =>
          witness !== undefined && real.mustRenewEpoch(witness, ledger),
      },
    },
    FORGOTTEN,
    onlyFaults({ restoreLedger: 0.06, witnessLoss: 0.7, partition: 0.1 }),
  ),
];
