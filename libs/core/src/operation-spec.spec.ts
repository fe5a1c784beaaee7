import { parseOperationSpec } from './operation-spec.js';

describe('parseOperationSpec', () => {
  it('fills in one hour, 128 calls and CONTINUE', () => {
    expect(parseOperationSpec({})).toEqual({
      timeoutMs: 3_600_000,
      parallelism: 128,
      failureStrategy: 'CONTINUE',
    });
  });

  it.each([1, 2, 999, 1000])('lets parallelism %p pass', (parallelism) => {
    expect(parseOperationSpec({ parallelism }).parallelism).toBe(parallelism);
  });

  it.each([0, 1001, 1.5, -1, '4', null])('refuses parallelism %p', (parallelism) => {
    expect(() => parseOperationSpec({ parallelism }, undefined, 'args.')).toThrow(
      'args.parallelism must be a whole number from 1 to 1000.',
    );
  });

  it('takes a timeout as a text of whole units', () => {
    expect(parseOperationSpec({ timeout: '1m' }).timeoutMs).toBe(60_000);
  });

  it('refuses a failure strategy it does not know', () => {
    expect(() => parseOperationSpec({ failure_strategy: 'stop' })).toThrow(
      'failure_strategy must be CONTINUE or STOP.',
    );
  });
});
