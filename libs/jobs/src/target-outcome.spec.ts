import { mergeTargetResult, TARGET_OUTCOMES, type TargetResult } from './target-outcome.js';

const convicted: TargetResult = { outcome: 'failed', try: 1, isConvicted: true };

describe('mergeTargetResult', () => {
  it.each(TARGET_OUTCOMES)(
    'keeps that a node still serves over %s, whichever is told first',
    (outcome) => {
      const other: TargetResult = { outcome, try: 9, verification: 'passed' };
      expect(mergeTargetResult(other, convicted)).toBe(convicted);
      expect(mergeTargetResult(convicted, other)).toBe(convicted);
    },
  );

  it('takes over what was newly seen from outside, and keeps it when the outcome is told again', () => {
    const told: TargetResult = { outcome: 'absent', try: 1 };
    const seen: TargetResult = { outcome: 'absent', try: 1, verification: 'unreachable' };
    const seenAgain: TargetResult = { outcome: 'absent', try: 1, verification: 'passed' };
    expect(mergeTargetResult(told, seen)).toBe(seen);
    expect(mergeTargetResult(seen, told)).toBe(seen);
    expect(mergeTargetResult(seen, seenAgain)).toBe(seenAgain);
  });
});
