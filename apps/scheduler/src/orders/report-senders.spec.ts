import { OrderPayload, parsePayload, ReportPayload } from '@pondhawk/contracts';
import { ManualClock } from '@pondhawk/core';
import type { Publisher } from '@pondhawk/messaging';
import { ReportSenders } from './report-senders.js';

const ORDER = Object.assign(new OrderPayload(), {
  ...{ order_id: 1, job_id: 2, attempt: 3, scheduler_id: 4, scheduler_cluster_id: 5 },
});
const PART = { targets: [], is_last: false };

describe('ReportSenders', () => {
  let sent: { subject: string; report: ReportPayload; messageId: string | undefined }[];
  let clock: ManualClock;
  let senders: ReportSenders;

  beforeEach(() => {
    sent = [];
    clock = new ManualClock();
    const publish: Publisher['publish'] = async (subject, data, messageId) => {
      sent.push({ subject, report: parsePayload(ReportPayload, data), messageId });
      return Promise.resolve({ seq: sent.length, isDuplicate: false });
    };
    const link = { requireRegistration: () => ({ epoch: 'e1' }) as never };
    senders = new ReportSenders({ publish }, link, clock);
  });

  it('numbers the reports of a run from 1, under its attempt, each with an id of its own', async () => {
    const send = senders.begin(ORDER);
    for (const is_last of [false, false, true]) await send({ ...PART, is_last });
    const reports = sent.map(({ report }) => report);
    expect(reports.map(({ number }) => number)).toEqual([1, 2, 3]);
    expect(reports.map(({ is_last }) => is_last)).toEqual([false, false, true]);
    expect(reports[0]).toMatchObject({ order_id: 1, job_id: 2, attempt: 3, scheduler_id: 4 });
    expect(new Set(reports.map(({ run_started_at_ms }) => run_started_at_ms)).size).toBe(1);
    expect(new Set(reports.map(({ report_id }) => report_id)).size).toBe(3);
    expect(sent.map(({ messageId }) => messageId)).toEqual(
      reports.map(({ report_id }) => report_id),
    );
  });

  it.each([
    ['at once', 0],
    ['later', 5],
    ['after the clock was set back', -60_000],
  ])('begins a later run with each delivery, also %s', async (_when, stepMs) => {
    const former = senders.begin(ORDER);
    clock.setWall(clock.nowMs() + stepMs);
    const later = senders.begin(ORDER);
    await later(PART);
    await former(PART);
    const [first, second] = sent.map(({ report }) => report);
    expect(first?.run_started_at_ms).toBeGreaterThan(second?.run_started_at_ms ?? Infinity);
    expect([first?.number, second?.number]).toEqual([1, 1]);
  });
});
