import { isNewerThanPurge } from './copy-rules.js';

const OLD = 'a'.repeat(32);
const NEW = 'b'.repeat(32);
const OTHER = 'c'.repeat(32);

describe('isNewerThanPurge', () => {
  it.each([
    ['begun before the number', { logEpoch: OLD, filledAt: 6 }, false],
    ['begun at the number', { logEpoch: OLD, filledAt: 7 }, true],
    ['begun later', { logEpoch: OLD, filledAt: 8 }, true],
    ['begun later, in the log in force', { logEpoch: NEW, filledAt: 8 }, true],
    ['of a lower number of the log in force', { logEpoch: NEW, filledAt: 6 }, false],
    ['of a log that is neither', { logEpoch: OTHER, filledAt: 8 }, false],
  ])('tells of a copy %s whether the purge was to delete it', (_name, copy, isNewer) => {
    expect(isNewerThanPurge(copy, { epoch: OLD, seq: 7, epochInForce: NEW })).toBe(isNewer);
  });
});
