import { ManualClock } from '@pondhawk/core';
import { MemoryLog } from '@pondhawk/observability';
import type { LedgerReader, LedgerWriter } from '../ledger/index.js';
import { DEADLINE_SWEEP_INTERVAL_MS, DeadlineSweeper } from './deadline-sweeper.js';

/** How long the ledger is held by one command. */
const COMMAND_MS = 20;

describe('DeadlineSweeper', () => {
  beforeEach(() => jest.useFakeTimers());
  afterEach(() => jest.useRealTimers());

  it('leaves others as much time as its commands take when thousands of jobs end at once', async () => {
    const beganAtMs: number[] = [];
    const execute = async (): Promise<void> => {
      beganAtMs.push(performance.now());
      await new Promise((resolve) => setTimeout(resolve, COMMAND_MS));
    };
    const overdue = () => Promise.resolve({ jobs: beganAtMs.length < 5, leases: false });
    const sweeper = new DeadlineSweeper({
      reader: { findOverdue: overdue } as unknown as LedgerReader,
      writer: { execute } as unknown as LedgerWriter,
      ...{ clock: new ManualClock(0), log: new MemoryLog() },
    });
    sweeper.onApplicationBootstrap();
    await jest.advanceTimersByTimeAsync(DEADLINE_SWEEP_INTERVAL_MS + 20 * COMMAND_MS);
    const times = beganAtMs.map((ms) => ms - beganAtMs[0]!);
    expect(times).toEqual([0, 1, 2, 3, 4].map((step) => step * 2 * COMMAND_MS));
    await sweeper.beforeApplicationShutdown();
  });
});
