import { DataCorruptionError, UnavailableError } from '@pondhawk/core';
import { ExitCode, toFailure, usageError } from './exit-code.js';
import { exitCodeOf, worstExitCode } from './jobs/job-record.js';

describe('exit codes', () => {
  it.each([
    ['complete', ExitCode.Complete],
    ['partial', ExitCode.Partial],
    ['failed', ExitCode.Failed],
    ['timed_out', ExitCode.Failed],
    ['cancelled', ExitCode.Failed],
  ])('of a job that ended %s', (outcome, code) => {
    expect(exitCodeOf({ verification: undefined, outcome })).toBe(code);
  });

  it('of several jobs: the same if all agree, else partial', () => {
    expect(worstExitCode([0, 0])).toBe(ExitCode.Complete);
    expect(worstExitCode([1, 1])).toBe(ExitCode.Failed);
    expect(worstExitCode([0, 1])).toBe(ExitCode.Partial);
    expect(worstExitCode([])).toBe(ExitCode.Complete);
  });

  it('of errors: 4 only when nobody answered', () => {
    expect(toFailure(new UnavailableError('UNAVAILABLE', 'x')).exitCode).toBe(4);
    expect(toFailure(new UnavailableError('ORIGIN_UNREACHABLE', 'x')).exitCode).toBe(1);
    expect(toFailure(new DataCorruptionError('DIGEST_MISMATCH', 'x'))).toMatchObject({
      exitCode: 1,
      code: 'DIGEST_MISMATCH',
    });
    expect(toFailure(usageError('x')).exitCode).toBe(2);
    expect(toFailure('text')).toMatchObject({ exitCode: 1, message: 'text' });
  });
});
