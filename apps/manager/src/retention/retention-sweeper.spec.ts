import { ManualClock } from '@pondhawk/core';
import { MemoryLog } from '@pondhawk/observability';
import type { LedgerWriter, RemovedAged } from '../ledger/index.js';
import { ManagerMetrics } from '../process-wide/manager-metrics.js';
import {
  CLOCK_LEAP_HOLD_MS,
  CLOCK_LEAP_MS_MAX,
  COMMANDS_PER_SWEEP_MAX,
  RETENTION_SWEEP_INTERVAL_MS,
  RetentionSweeper,
} from './retention-sweeper.js';

const START_MS = 100 * 24 * 3_600_000;
const NOTHING: RemovedAged = { jobs: 0, keys: 0, hosts: 0, purges: 0, audits: 0, hasMore: false };

describe('RetentionSweeper', () => {
  let clock: ManualClock;
  let log: MemoryLog;
  let sweptAtMs: number[];
  let answer: RemovedAged;
  let sweeper: RetentionSweeper;

  beforeEach(() => {
    jest.useFakeTimers();
    start(0);
  });
  afterEach(async () => {
    await stop();
    jest.useRealTimers();
  });

  /** Also ends the rest after a step. */
  const stop = async (): Promise<void> => {
    const stopping = sweeper.beforeApplicationShutdown();
    await jest.runAllTimersAsync();
    await stopping;
  };

  /** Starts one whose ledger knew `ledgerAtMs`. */
  const start = (ledgerAtMs: number): void => {
    clock = new ManualClock(START_MS);
    log = new MemoryLog();
    sweptAtMs = [];
    answer = NOTHING;
    const execute = (_name: string, input: { readonly atMs: number }): Promise<RemovedAged> => {
      sweptAtMs.push(input.atMs);
      return Promise.resolve(answer);
    };
    sweeper = new RetentionSweeper({
      ...{ clock, log, metrics: new ManagerMetrics(), purgeAgeMsMax: 1, ledgerAtMs },
      loadAges: () => Promise.resolve({ jobAgeMsMax: 1, auditAgeMsMax: 1 }),
      writer: { execute } as unknown as LedgerWriter,
    });
    sweeper.onApplicationBootstrap();
  };

  const startAnew = async (ledgerAtMs: number): Promise<void> => {
    await stop();
    start(ledgerAtMs);
  };

  /** Lets time pass, on the wall clock by `leapMs` more. */
  const pass = async (ms: number, leapMs = 0): Promise<number> => {
    const before = sweptAtMs.length;
    clock.setWall(clock.nowMs() + leapMs);
    for (let left = ms; left > 0; left -= RETENTION_SWEEP_INTERVAL_MS) {
      clock.advance(RETENTION_SWEEP_INTERVAL_MS);
      await jest.advanceTimersByTimeAsync(RETENTION_SWEEP_INTERVAL_MS);
    }
    return sweptAtMs.length - before;
  };

  it('sweeps at once and then every minute', async () => {
    expect(sweptAtMs).toEqual([START_MS]);
    expect(await pass(3 * RETENTION_SWEEP_INTERVAL_MS)).toBe(3);
  });

  it('removes nothing for an hour after the clock leapt ahead, and says so once', async () => {
    const year = 365 * 24 * 3_600_000;
    expect(await pass(CLOCK_LEAP_HOLD_MS, year)).toBe(0);
    expect(
      log.withMessage('the clock leapt ahead: nothing is removed by age for an hour'),
    ).toHaveLength(1);
    expect(await pass(2 * RETENTION_SWEEP_INTERVAL_MS)).toBe(2);
  });

  it('goes on when the clock moved a little, either way, and waits when it moved by more', async () => {
    expect(await pass(RETENTION_SWEEP_INTERVAL_MS, CLOCK_LEAP_MS_MAX)).toBe(1);
    expect(await pass(RETENTION_SWEEP_INTERVAL_MS, -CLOCK_LEAP_MS_MAX)).toBe(1);
    expect(await pass(RETENTION_SWEEP_INTERVAL_MS, CLOCK_LEAP_MS_MAX + 1)).toBe(0);
  });

  it('removes nothing for an hour after it started long after the newest time of its ledger', async () => {
    await startAnew(START_MS - CLOCK_LEAP_MS_MAX - 1);
    expect(sweptAtMs).toEqual([]);
    expect(
      log.withMessage('the ledger is of long ago: nothing is removed by age for an hour'),
    ).toHaveLength(1);
    expect(await pass(CLOCK_LEAP_HOLD_MS - RETENTION_SWEEP_INTERVAL_MS)).toBe(0);
    expect(await pass(2 * RETENTION_SWEEP_INTERVAL_MS)).toBe(2);
  });

  it('sweeps at once when it was away for a short time, or the clock was set back', async () => {
    for (const ledgerAtMs of [START_MS - CLOCK_LEAP_MS_MAX, START_MS + CLOCK_LEAP_HOLD_MS]) {
      await startAnew(ledgerAtMs);
      expect(sweptAtMs).toEqual([START_MS]);
    }
  });

  it('leaves to the next sweep what is more than one may remove', async () => {
    await jest.advanceTimersByTimeAsync(0);
    answer = { ...NOTHING, hasMore: true };
    await pass(RETENTION_SWEEP_INTERVAL_MS);
    await jest.advanceTimersByTimeAsync(RETENTION_SWEEP_INTERVAL_MS / 2);
    expect(sweptAtMs).toHaveLength(1 + COMMANDS_PER_SWEEP_MAX);
  });
});
