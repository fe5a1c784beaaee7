import { Controller, UseFilters } from '@nestjs/common';
import { Ctx, EventPattern, Payload } from '@nestjs/microservices';
import { ReportPayload } from '@pondhawk/contracts';
import { Clock, Faults, UnavailableError, backoffDelayMs } from '@pondhawk/core';
import { PassErrorsFilter, type ReceivedMessage } from '@pondhawk/messaging';
import { Log } from '@pondhawk/observability';
import { LedgerWriter } from '../ledger/index.js';
import { ManagerMetrics } from '../process-wide/manager-metrics.js';

/** The message type under which reports are handled. */
export const REPORT_PATTERN = 'report';
/** Code of the error with which a report is given back until one before it has been recorded. */
export const REPORT_EARLY = 'REPORT_EARLY';

/** How long a report that is early waits before it comes again, doubled each time up to the cap. The one before it is seldom far. */
export const EARLY_REPORT_DELAYS = { baseMs: 100, capMs: 5_000 };

/**
 * Takes reports of schedulers into the ledger. A report is acknowledged when this returns, which is
 * after its commit; told twice it changes nothing. One that comes before a former one of its order is given
 * back until that was recorded, or another attempt has taken the order over.
 */
@Controller()
@UseFilters(new PassErrorsFilter())
export class ReportSubscriber {
  constructor(
    private readonly writer: LedgerWriter,
    private readonly clock: Clock,
    private readonly faults: Faults,
    private readonly metrics: ManagerMetrics,
    private readonly log: Log,
  ) {}

  @EventPattern(REPORT_PATTERN)
  async record(@Payload() report: ReportPayload, @Ctx() message: ReceivedMessage): Promise<void> {
    this.faults.reach('manager.report.received');
    const { status, ended } = await this.writer.execute('record-report', {
      atMs: this.clock.nowMs(),
      report,
    });
    this.faults.reach('manager.report.committed');
    this.metrics.reports.increment({ status });
    const { job_id: jobId, order_id: orderId, number } = report;
    if (status === 'early') {
      throw new UnavailableError(
        REPORT_EARLY,
        `Report ${number} of order ${orderId} has come before a former one.`,
        {
          details: { jobId, orderId, number },
          retryAfterMs: backoffDelayMs(message.deliveryCount, EARLY_REPORT_DELAYS, () => 1),
        },
      );
    }
    if (status !== 'recorded') this.log.debug('report changed nothing', { status, jobId, orderId });
    if (ended !== undefined) this.faults.reach('manager.job.end-committed');
  }
}
