import { ManualClock } from '@pondhawk/core';
import { LEASE_CAUTION_MS } from '@pondhawk/jobs';
import { MemoryLog } from '@pondhawk/observability';
import type { LedgerReader, LedgerWriter } from '../ledger/index.js';
import { DEADLINE_SWEEP_INTERVAL_MS, DeadlineSweeper } from './deadline-sweeper.js';

/** How long the ledger is held by one command. */
const COMMAND_MS = 20;
/** Commands until no job is overdue any more. */
const COMMANDS = 5;

describe('DeadlineSweeper', () => {
  let commands: { readonly name: string; readonly atMs: number }[];
  let areLeasesOverdue: boolean;
  let sweeper: DeadlineSweeper;

  beforeEach(() => {
    jest.useFakeTimers();
    commands = [];
    areLeasesOverdue = false;
    const clock = new ManualClock(0);
    const execute = async (name: string): Promise<object> => {
      commands.push({ name, atMs: performance.now() });
      await new Promise((resolve) => setTimeout(resolve, COMMAND_MS));
      return { takenOver: [] };
    };
    const findOverdue = () =>
      Promise.resolve({ jobs: expiries().length < COMMANDS, leases: areLeasesOverdue });
    sweeper = new DeadlineSweeper({
      reader: { findOverdue } as unknown as LedgerReader,
      writer: { execute } as unknown as LedgerWriter,
      ...{ clock, log: new MemoryLog() },
    });
    clock.advance(LEASE_CAUTION_MS);
  });
  afterEach(async () => {
    const stopping = sweeper.beforeApplicationShutdown();
    await jest.runAllTimersAsync(); // The rest after a step, too.
    await stopping;
    jest.useRealTimers();
  });

  const expiries = () => commands.filter(({ name }) => name === 'expire-jobs');
  const sweep = async (): Promise<void> => {
    sweeper.onApplicationBootstrap();
    await jest.advanceTimersByTimeAsync(DEADLINE_SWEEP_INTERVAL_MS + 20 * COMMAND_MS);
  };

  it('leaves others as much time as its commands take when thousands of jobs end at once', async () => {
    await sweep();
    const [first] = expiries();
    const times = expiries().map(({ atMs }) => atMs - (first?.atMs ?? 0));
    expect(times).toEqual([0, 1, 2, 3, 4].map((step) => step * 2 * COMMAND_MS));
  });

  it('gives orders on meanwhile', async () => {
    areLeasesOverdue = true;
    await sweep();
    const names = commands.slice(0, 4).map(({ name }) => name);
    expect(names).toEqual(['expire-leases', 'expire-jobs', 'expire-leases', 'expire-jobs']);
  });
});
