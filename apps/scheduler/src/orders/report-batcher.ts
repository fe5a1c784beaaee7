import { randomUUID } from 'node:crypto';
import {
  PAYLOAD_FORMAT,
  ReportPayload,
  TARGETS_PER_REPORT_MAX,
  type OrderPayload,
  type TargetReport,
} from '@pondhawk/contracts';

/** How long an outcome may wait for others to travel with. */
const BATCH_DELAY_MS = 20;

/** Sends a report and resolves once the broker has it. */
export type SendReport = (report: ReportPayload) => Promise<void>;

/**
 * Gathers the targets of one attempt into reports of at most 500, none later than 20 ms after it
 * came. Reports leave one after another; `finish` sends the last one and throws the first failure.
 */
export class ReportBatcher {
  private waiting: TargetReport[] = [];
  private timer: NodeJS.Timeout | undefined; // Set while targets wait.
  private sending: Promise<void> = Promise.resolve();
  private failure: unknown;

  constructor(
    private readonly order: OrderPayload,
    private readonly send: SendReport,
  ) {}

  /** Takes one target along. */
  add(target: TargetReport): void {
    this.waiting.push(target);
    if (this.waiting.length >= TARGETS_PER_REPORT_MAX) this.flush(false);
    else this.timer ??= setTimeout(() => this.flush(false), BATCH_DELAY_MS);
  }

  /** Sends what waits now. */
  flush(isLast: boolean): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    do {
      const targets = this.waiting.splice(0, TARGETS_PER_REPORT_MAX);
      if (targets.length === 0 && !isLast) return;
      this.enqueue(targets, isLast && this.waiting.length === 0);
    } while (this.waiting.length > 0);
  }

  /** Sends the last report. @throws what the first failed sending threw: the order must come again. */
  async finish(): Promise<void> {
    this.flush(true);
    await this.sending;
    if (this.failure !== undefined) throw this.failure as Error;
  }

  private enqueue(targets: TargetReport[], isLast: boolean): void {
    const { order_id, job_id, attempt, scheduler_id, scheduler_cluster_id } = this.order;
    const report = Object.assign(new ReportPayload(), {
      format: PAYLOAD_FORMAT,
      report_id: randomUUID(),
      ...{ order_id, job_id, attempt, scheduler_id, scheduler_cluster_id },
      targets,
      is_last: isLast,
    });
    this.sending = this.sending
      .then(async () => {
        // After a failure the order is carried out again: a later report would hide the gap.
        if (this.failure === undefined) await this.send(report);
      })
      .catch((error: unknown) => {
        this.failure ??= error;
      });
  }
}
