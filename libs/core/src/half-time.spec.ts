import { REST_MS_MAX, runAtHalfTime } from './half-time.js';

describe('runAtHalfTime', () => {
  beforeEach(() => jest.useFakeTimers());
  afterEach(() => jest.useRealTimers());

  /** Runs a step that takes so long, and gives how long the rest after it is. */
  const restAfter = async (stepMs: number): Promise<number> => {
    const startedAtMs = performance.now();
    const running = runAtHalfTime(() => new Promise((resolve) => setTimeout(resolve, stepMs)));
    await jest.runAllTimersAsync();
    await running;
    return performance.now() - startedAtMs - stepMs;
  };

  it('rests as long as the step took, and no longer than the longest rest', async () => {
    expect(await restAfter(40)).toBe(40);
    expect(await restAfter(5 * REST_MS_MAX)).toBe(REST_MS_MAX);
  });

  it('gives what the step gives, and throws what it throws without a rest', async () => {
    const running = runAtHalfTime(() => Promise.resolve(7));
    await jest.runAllTimersAsync();
    expect(await running).toBe(7);
    await expect(runAtHalfTime(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(jest.getTimerCount()).toBe(0);
  });
});
