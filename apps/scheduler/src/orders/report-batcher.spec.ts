import { encodePayload, TARGETS_PER_REPORT_MAX, TargetReport } from '@pondhawk/contracts';
import {
  PENDING_DELAY_MS,
  PENDING_DELAY_MS_MAX,
  RENEWAL_INTERVAL_MS,
  ReportBatcher,
  REPORTS_WAITING_MAX,
} from './report-batcher.js';
import type { ReportPart } from './report-senders.js';

/** What a broker takes unless told otherwise. */
const BROKER_BYTES_MAX = 1024 * 1024;
const aTarget = (host: string, outcome: TargetReport['outcome']): TargetReport =>
  Object.assign(new TargetReport(), { node: `host:${host}`, outcome });
const TARGET = aTarget('h1', 'deleted');

describe('ReportBatcher', () => {
  let reports: ReportPart[];
  let batcher: ReportBatcher;

  beforeEach(() => {
    jest.useFakeTimers();
    reports = [];
    batcher = new ReportBatcher(async (report) => {
      reports.push(report);
      return Promise.resolve();
    });
  });
  afterEach(() => {
    batcher.stop();
    jest.useRealTimers();
  });

  it('sends an empty report whenever none has left for the renewal interval', async () => {
    await jest.advanceTimersByTimeAsync(RENEWAL_INTERVAL_MS - 1);
    expect(reports).toEqual([]);
    await jest.advanceTimersByTimeAsync(1 + 2 * RENEWAL_INTERVAL_MS);
    expect(reports).toHaveLength(3);
    expect(reports[0]).toEqual({ targets: [], is_last: false });
  });

  it('counts the interval from the newest report', async () => {
    await jest.advanceTimersByTimeAsync(RENEWAL_INTERVAL_MS - 1_000);
    batcher.add(TARGET);
    await jest.advanceTimersByTimeAsync(RENEWAL_INTERVAL_MS);
    expect(reports.map(({ targets }) => targets)).toEqual([[TARGET]]);
  });

  it('keeps every report below what the broker takes, and loses no target', async () => {
    // Three bytes a character: characters are no measure.
    const message = '\u20ac'.repeat(60_000);
    const nodes = Array.from({ length: 23 }, (_, index) => `host:h${index}`);
    for (const node of nodes) batcher.add(Object.assign(new TargetReport(), { node, message }));
    await batcher.finish();
    const sizes = reports.map((report) => encodePayload(report).length);
    expect(Math.max(...sizes)).toBeLessThan(BROKER_BYTES_MAX);
    expect(sizes.length).toBeLessThanOrEqual(6);
    expect(reports.flatMap(({ targets }) => targets.map(({ node }) => node))).toEqual(nodes);
  });

  it('counts a target that is said anew once', async () => {
    const message = 'x'.repeat(500_000);
    for (let index = 0; index < 5; index += 1) {
      batcher.add(Object.assign(new TargetReport(), { node: 'host:h1', message }));
    }
    await batcher.finish();
    expect(reports).toHaveLength(1);
  });

  it('has no room while reports wait for the broker', async () => {
    const releases: (() => void)[] = [];
    const slow = new ReportBatcher(() => new Promise<void>((resolve) => releases.push(resolve)));
    const room = jest.fn();
    for (let index = 0; index <= REPORTS_WAITING_MAX; index += 1) {
      slow.add(Object.assign(new TargetReport(), { node: `host:h${index}` }));
      await jest.advanceTimersByTimeAsync(1_000);
    }
    void slow.whenRoom().then(room);
    await jest.advanceTimersByTimeAsync(1_000);
    expect(room).not.toHaveBeenCalled();
    for (let index = 0; index <= REPORTS_WAITING_MAX; index += 1) {
      releases.shift()?.();
      await jest.advanceTimersByTimeAsync(0);
    }
    expect(room).toHaveBeenCalled();
    slow.stop();
  });

  it('reports a host as pending only when it has not answered soon', async () => {
    const silent = aTarget('h2', 'pending');
    batcher.add(aTarget('h1', 'pending'));
    batcher.add(silent);
    batcher.add(TARGET);
    await jest.advanceTimersByTimeAsync(PENDING_DELAY_MS - 1);
    expect(reports.map(({ targets }) => targets)).toEqual([[TARGET]]);
    await jest.advanceTimersByTimeAsync(1);
    expect(reports.map(({ targets }) => targets)).toEqual([[TARGET], [silent]]);
  });

  it('reports nobody as pending while others answer, but no later than the longest delay', async () => {
    const silent = aTarget('silent', 'pending');
    batcher.add(silent);
    const reportedAt = async (ms: number): Promise<boolean> => {
      for (let passed = 0; passed < ms; passed += PENDING_DELAY_MS / 4) {
        batcher.add(aTarget(`h-${ms}-${passed}`, 'absent'));
        await jest.advanceTimersByTimeAsync(PENDING_DELAY_MS / 4);
      }
      return reports.some(({ targets }) => targets.includes(silent));
    };
    expect(await reportedAt(PENDING_DELAY_MS_MAX - PENDING_DELAY_MS / 4)).toBe(false);
    expect(await reportedAt(PENDING_DELAY_MS / 4)).toBe(true);
  });

  it.each([1, TARGETS_PER_REPORT_MAX, TARGETS_PER_REPORT_MAX + 1, 3 * TARGETS_PER_REPORT_MAX])(
    'names %d hosts before all else, and says until the last of them that more follow',
    async (count) => {
      const names = Array.from({ length: count }, (_, index) => aTarget(`n${index}`, 'pending'));
      batcher.name(names);
      batcher.add(TARGET);
      await batcher.finish();
      const follow = reports.map(({ names_follow }) => names_follow === true);
      const naming = Math.ceil(count / TARGETS_PER_REPORT_MAX);
      expect(follow.slice(0, naming)).toEqual(
        Array.from({ length: naming }, (_, at) => at < naming - 1),
      );
      expect(follow.slice(naming)).not.toContain(true);
      const targets = reports.flatMap((report) => report.targets);
      expect(targets.slice(0, count)).toEqual(names);
    },
  );

  it('says that more names follow as well where a report would be too long', async () => {
    const long = { message: 'x'.repeat(500_000) };
    batcher.name([1, 2, 3].map((host) => Object.assign(aTarget(`n${host}`, 'pending'), long)));
    await batcher.finish();
    expect(reports.map(({ names_follow }) => names_follow)).toEqual([true, true, undefined]);
  });

  it('puts no more targets into a report than it may have', async () => {
    for (const outcome of ['pending', 'absent'] as const) {
      for (let host = 0; host <= TARGETS_PER_REPORT_MAX; host += 1) {
        batcher.add(aTarget(`${outcome}-${host}`, outcome));
      }
    }
    await jest.advanceTimersByTimeAsync(PENDING_DELAY_MS);
    expect(reports.map(({ targets }) => targets.length)).toEqual([
      TARGETS_PER_REPORT_MAX,
      1,
      TARGETS_PER_REPORT_MAX,
      1,
    ]);
  });

  it('sends nothing after it was stopped, and leaves no timer', async () => {
    batcher.add(aTarget('h1', 'pending'));
    batcher.add(TARGET);
    await batcher.finish();
    batcher.stop();
    expect(jest.getTimerCount()).toBe(0);
    expect(reports.map(({ is_last }) => is_last)).toEqual([true]);
  });
});
