import { Controller, UseFilters } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { ReportPayload } from '@pondhawk/contracts';
import { Clock, Faults } from '@pondhawk/core';
import { PassErrorsFilter } from '@pondhawk/messaging';
import { Log } from '@pondhawk/observability';
import { LedgerWriter } from '../ledger/index.js';
import { ManagerMetrics } from '../process-wide/manager-metrics.js';

/** The message type under which reports are handled. */
export const REPORT_PATTERN = 'report';

/**
 * Takes reports of schedulers into the ledger. A report is acknowledged when this returns, which is
 * after its commit; told twice it changes nothing.
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
  async record(@Payload() report: ReportPayload): Promise<void> {
    this.faults.reach('manager.report.received');
    const { status, ended } = await this.writer.execute('record-report', {
      atMs: this.clock.nowMs(),
      report,
    });
    this.faults.reach('manager.report.committed');
    this.metrics.reports.increment({ status });
    const { job_id: jobId, order_id: orderId } = report;
    if (status !== 'recorded') this.log.debug('report changed nothing', { status, jobId, orderId });
    if (ended !== undefined) this.faults.reach('manager.job.end-committed');
  }
}
