/** Weaker variants of what a host does with its copies: R1, R2, R3, R7, apply. */

import { type Control, REAL_RULES as real, STALE, UNSAFE, control } from './control.js';
import { onlyFaults } from './faults.js';

/** A ledger whose numbers may begin again lower, while one scheduler goes on as before. */
const LOST_WITNESSES = onlyFaults({ restoreLedger: 0.05, witnessLoss: 1, newsStall: 0.3 });

/** @see Control */
export const CONTROLS_OF_COPIES: readonly Control[] = [
  control(
    'R1: a place that is taken at the end of a fill',
    { rules: { filledAtOf: ({ atEnd }) => atEnd } },
    STALE,
  ),
  control(
    'R2: a parent that does not look how far it has applied itself',
    {
      rules: {
        answerToChild: (parent, copy, child) =>
          real.answerToChild({ ...parent, applied: Infinity }, copy, child),
      },
    },
    STALE,
  ),
  control(
    'R2: a parent that follows another log',
    {
      rules: {
        answerToChild: (parent, copy, child) =>
          real.answerToChild(parent, copy, { ...child, epoch: parent.epoch }),
      },
    },
    STALE,
    LOST_WITNESSES,
  ),
  control(
    'R2, R3: a parent that gives from a purged copy',
    {
      rules: {
        answerToChild: (parent, copy, child) =>
          real.answerToChild(parent, copy && { state: 'complete' }, child),
        mayWriteChunk: ({ isLeaseValid }) => isLeaseValid,
      },
    },
    STALE,
  ),
  control(
    'R2: files named by task',
    {
      rules: {
        fillOfPiece: (copies, piece) =>
          copies.find((copy) => copy.taskId === piece.taskId && copy.state !== 'purged'),
      },
    },
    ['PIECE_MISPLACED', 'PURGED_BYTES_IN_COPY'],
  ),
  control(
    'R2: a piece stored in a fill that is over',
    {
      rules: {
        fillOfPiece: (copies, piece) => copies.find(({ copyId }) => copyId === piece.copyId),
      },
    },
    ['PIECE_MISPLACED'],
  ),
  control(
    'R3: checked at the start of an upload only',
    { rules: { mayWriteChunk: (now) => now.isUnderWay || real.mayWriteChunk(now) } },
    ['PURGED_BYTES_SERVED'],
  ),
  control(
    'R3: serving without a lease',
    { rules: { mayWriteChunk: ({ state }) => state !== 'purged' } },
    ['PURGED_BYTES_SERVED'],
  ),
  control(
    'R3: serving what is purged, under a lease',
    { rules: { mayWriteChunk: ({ isLeaseValid }) => isLeaseValid } },
    ['PURGED_BYTES_SERVED'],
  ),
  control(
    'R7: a host that goes on where the log begins',
    { rules: { isDroppedByReset: () => false } },
    STALE,
  ),
  control(
    'R7: fills forgotten',
    { rules: { isDroppedByReset: ({ state }) => state === 'complete' } },
    STALE,
  ),
  control(
    'R7: another log id is not taken over',
    { rules: { mustDropAll: (host, log) => host.epoch === '' || host.applied + 1 < log.first } },
    ['HOST_NOT_LEASED'],
  ),
  control(
    'R7: a log that begins later is not taken up',
    { rules: { mustDropAll: (host, log) => host.epoch !== log.epoch } },
    ['HOST_NOT_LEASED'],
  ),
  control(
    'apply: fills under way are skipped',
    {
      rules: {
        isPurgedBy: (copy, entry) => copy.state !== 'filling' && real.isPurgedBy(copy, entry),
      },
    },
    ['PURGED_BYTES_IN_COPY'],
  ),
  control('apply: completion unguarded', { rules: { mayComplete: () => true } }, [
    'PURGED_BYTES_IN_COPY',
  ]),
  control(
    'apply: what goes wrong is swallowed, and answered as done',
    { rules: { isPurgedBy: () => false } },
    STALE,
  ),
  control(
    'apply: answered before it is marked',
    { rules: { answeredNumber: ({ applied, heardOf }) => Math.max(applied, heardOf) } },
    UNSAFE,
  ),
  control(
    'apply: whatever comes later is next',
    { rules: { isNextEntry: ({ applied }, { seq }) => seq > applied } },
    STALE,
  ),
  control(
    'apply: an entry that comes again is applied again',
    { rules: { isNextEntry: ({ applied }, { seq }) => seq <= applied + 1 } },
    ['APPLIED_FELL'],
  ),
];
