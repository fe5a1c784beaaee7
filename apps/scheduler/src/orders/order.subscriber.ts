import { Controller, UseFilters } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { encodePayload, OrderPayload, reportSubject } from '@pondhawk/contracts';
import { PassErrorsFilter, Publisher } from '@pondhawk/messaging';
import { ManagerLink } from '../registration/manager-link.js';
import { OrderExecutor } from './order-executor.js';

/** Takes orders from the broker; each is acknowledged after its last report has arrived there. */
@Controller()
@UseFilters(PassErrorsFilter)
export class OrderSubscriber {
  constructor(
    private readonly executor: OrderExecutor,
    private readonly publisher: Publisher,
    private readonly link: ManagerLink,
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

  private async execute(order: OrderPayload): Promise<void> {
    const { epoch } = this.link.requireRegistration();
    const subject = reportSubject({ epoch, clusterId: order.scheduler_cluster_id });
    await this.executor.execute(order, async (report) => {
      await this.publisher.publish(subject, encodePayload(report), report.report_id);
    });
  }
}
