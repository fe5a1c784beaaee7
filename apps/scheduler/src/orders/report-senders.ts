import { randomUUID } from 'node:crypto';
import {
  encodePayload,
  PAYLOAD_FORMAT,
  ReportPayload,
  reportSubject,
  type CancelPayload,
  type OrderPayload,
} from '@pondhawk/contracts';
import type { Clock } from '@pondhawk/core';
import type { Publisher } from '@pondhawk/messaging';
import type { ManagerLink } from '../registration/manager-link.js';

/** What a report says, without what tells whose it is and where it stands. */
export type ReportPart = Pick<
  ReportPayload,
  'targets' | 'is_last' | 'names_follow' | 'error' | 'list' | 'verification'
>;

/** Sends the next report of a run and resolves once the broker has it. One at a time: they are numbered as they are sent. */
export type SendReport = (part: ReportPart) => Promise<void>;

/** Numbers reports and publishes them. */
export class ReportSenders {
  private newestRunMs = 0;

  constructor(
    private readonly publisher: Pick<Publisher, 'publish'>,
    private readonly link: Pick<ManagerLink, 'requireRegistration'>,
    private readonly clock: Clock,
  ) {}

  /**
   * Begins a run: an order, or a cancel of one that has not come, is carried out from here on. Each delivery is a run of its
   * own, later than all before it, so that the manager knows which reports belong together. It reports to the
   * broker that there is now: what that one brought is reported to no other.
   */
  begin(order: OrderPayload | CancelPayload): SendReport {
    const { order_id, job_id, attempt, scheduler_id, scheduler_cluster_id } = order;
    const { epoch } = this.link.requireRegistration();
    const subject = reportSubject({ epoch, clusterId: scheduler_cluster_id });
    this.newestRunMs = Math.max(this.newestRunMs + 1, this.clock.nowMs());
    const run_started_at_ms = this.newestRunMs;
    let number = 0;
    return async (part) => {
      number += 1;
      const report = Object.assign(new ReportPayload(), {
        ...{ format: PAYLOAD_FORMAT, report_id: randomUUID() },
        ...{ order_id, job_id, attempt, scheduler_id, scheduler_cluster_id },
        ...{ run_started_at_ms, number, ...part },
      });
      await this.publisher.publish(subject, encodePayload(report), report.report_id);
    };
  }
}
