import { Controller, UseFilters } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { CancelPayload, CANCELLED, OrderPayload } from '@pondhawk/contracts';
import { PassErrorsFilter } from '@pondhawk/messaging';
import { OrderCancels } from './order-cancels.js';
import { OrderExecutor } from './order-executor.js';
import { PeersSync } from './peers-sync.js';
import { PreheatExecutor } from './preheat-executor.js';
import { ReportSenders } from './report-senders.js';

/** Takes orders from the broker; each is acknowledged after its last report has arrived there. */
@Controller()
@UseFilters(PassErrorsFilter)
export class OrderSubscriber {
  constructor(
    private readonly executor: OrderExecutor,
    private readonly senders: ReportSenders,
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
    await this.preheats.execute(order, this.senders.begin(order));
  }

  /** Tells the manager of all hosts anew. */
  @EventPattern('sync_peers')
  async syncPeers(@Payload() order: OrderPayload): Promise<void> {
    await this.sync.execute(order, this.senders.begin(order));
  }

  /**
   * Spares the hosts of an order that have not been asked. Acknowledged once the order has ended: until
   * then a scheduler that restarts gets both again.
   */
  @EventPattern('cancel')
  async cancel(@Payload() order: CancelPayload): Promise<void> {
    if (await this.cancels.cancel(order)) return;
    await this.senders.begin(order)({
      targets: [],
      is_last: true,
      error: { code: CANCELLED, message: 'The job was cancelled before this order had come.' },
    });
  }

  private async execute(order: OrderPayload): Promise<void> {
    await this.executor.execute(order, this.senders.begin(order));
  }
}
