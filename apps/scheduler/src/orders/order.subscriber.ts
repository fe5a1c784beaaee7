import { randomUUID } from 'node:crypto';
import { Controller, UseFilters } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import {
  CancelPayload,
  CANCELLED,
  encodePayload,
  OrderPayload,
  PAYLOAD_FORMAT,
  ReportPayload,
  reportSubject,
} from '@pondhawk/contracts';
import { PassErrorsFilter, Publisher } from '@pondhawk/messaging';
import { ManagerLink } from '../registration/manager-link.js';
import { OrderCancels } from './order-cancels.js';
import { OrderExecutor } from './order-executor.js';
import { PeersSync } from './peers-sync.js';
import { PreheatExecutor } from './preheat-executor.js';
import type { SendReport } from './report-batcher.js';

/** Takes orders from the broker; each is acknowledged after its last report has arrived there. */
@Controller()
@UseFilters(PassErrorsFilter)
export class OrderSubscriber {
  // Each is injected by its type.
  // eslint-disable-next-line max-params
  constructor(
    private readonly executor: OrderExecutor,
    private readonly publisher: Publisher,
    private readonly link: ManagerLink,
    private readonly cancels: OrderCancels,
    private readonly preheats: PreheatExecutor,
    private readonly sync: PeersSync,
  ) {}

  /** Deletes a task on every host. */
  @EventPattern('delete_task')
  async deleteTask(@Payload() order: OrderPayload): Promise<void> {
    await this.execute(order);
  }

  /** Asks every host for a task. */
  @EventPattern('get_task')
  async getTask(@Payload() order: OrderPayload): Promise<void> {
    await this.execute(order);
  }

  /** Lists what hosts hold. */
  @EventPattern('list_tasks')
  async listTasks(@Payload() order: OrderPayload): Promise<void> {
    await this.execute(order);
  }

  /** Has hosts fetch tasks. */
  @EventPattern('preheat')
  async preheat(@Payload() order: OrderPayload): Promise<void> {
    await this.preheats.execute(order, this.publisherOf(order));
  }

  /** Tells the manager of all hosts anew. */
  @EventPattern('sync_peers')
  async syncPeers(@Payload() order: OrderPayload): Promise<void> {
    await this.sync.execute(order, this.publisherOf(order));
  }

  /**
   * Spares the hosts of an order that have not been asked. Acknowledged once the order has ended: until
   * then a scheduler that restarts gets both again.
   */
  @EventPattern('cancel')
  async cancel(@Payload() order: CancelPayload): Promise<void> {
    if (await this.cancels.cancel(order)) return;
    const { order_id, job_id, attempt, scheduler_id, scheduler_cluster_id } = order;
    const report = Object.assign(new ReportPayload(), {
      ...{ format: PAYLOAD_FORMAT, report_id: randomUUID() },
      ...{ order_id, job_id, attempt, scheduler_id, scheduler_cluster_id },
      ...{ targets: [], is_last: true },
      error: { code: CANCELLED, message: 'The job was cancelled before this order had come.' },
    });
    await this.publisherOf(order)(report);
  }

  private async execute(order: OrderPayload): Promise<void> {
    await this.executor.execute(order, this.publisherOf(order));
  }

  /** Publishes to the broker that there is now: what it brought is reported to no other. */
  private publisherOf({
    scheduler_cluster_id: clusterId,
  }: OrderPayload | CancelPayload): SendReport {
    const { epoch } = this.link.requireRegistration();
    const subject = reportSubject({ epoch, clusterId });
    return async (report) => {
      await this.publisher.publish(subject, encodePayload(report), report.report_id);
    };
  }
}
