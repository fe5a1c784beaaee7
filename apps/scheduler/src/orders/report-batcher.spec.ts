import { OrderPayload, TargetReport, type ReportPayload } from '@pondhawk/contracts';
import { RENEWAL_INTERVAL_MS, ReportBatcher } from './report-batcher.js';

const ORDER = Object.assign(new OrderPayload(), {
  ...{ order_id: 1, job_id: 2, attempt: 3, scheduler_id: 4, scheduler_cluster_id: 5 },
});
const TARGET = Object.assign(new TargetReport(), { node: 'host:h1' });

describe('ReportBatcher', () => {
  let reports: ReportPayload[];
  let batcher: ReportBatcher;

  beforeEach(() => {
    jest.useFakeTimers();
    reports = [];
    batcher = new ReportBatcher(ORDER, async (report) => {
      reports.push(report);
      return Promise.resolve();
    });
  });
  afterEach(() => {
    batcher.stop();
    jest.useRealTimers();
  });

  it('sends an empty report of its attempt whenever none has left for the renewal interval', async () => {
    await jest.advanceTimersByTimeAsync(RENEWAL_INTERVAL_MS - 1);
    expect(reports).toEqual([]);
    await jest.advanceTimersByTimeAsync(1 + 2 * RENEWAL_INTERVAL_MS);
    expect(reports).toHaveLength(3);
    expect(reports[0]).toMatchObject({ order_id: 1, attempt: 3, targets: [], is_last: false });
    expect(new Set(reports.map(({ report_id }) => report_id)).size).toBe(3);
  });

  it('counts the interval from the newest report', async () => {
    await jest.advanceTimersByTimeAsync(RENEWAL_INTERVAL_MS - 1_000);
    batcher.add(TARGET);
    await jest.advanceTimersByTimeAsync(RENEWAL_INTERVAL_MS);
    expect(reports.map(({ targets }) => targets)).toEqual([[TARGET]]);
  });

  it('sends nothing after it was stopped, and leaves no timer', async () => {
    await batcher.finish();
    batcher.stop();
    expect(jest.getTimerCount()).toBe(0);
    expect(reports.map(({ is_last }) => is_last)).toEqual([true]);
  });
});
