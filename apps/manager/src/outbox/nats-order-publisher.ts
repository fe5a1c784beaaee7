import { jobSubject } from '@pondhawk/contracts';
import { type Publisher } from '@pondhawk/messaging';
import type { BrokerStreams } from '../broker/broker-streams.js';
import type { OutboxMessage } from '../ledger/index.js';
import { OrderPublisher } from './order-publisher.js';

/** Publishes orders to JetStream. */
export class NatsOrderPublisher extends OrderPublisher {
  constructor(
    private readonly streams: BrokerStreams,
    private readonly publisher: Publisher,
  ) {
    super();
  }

  async publish(message: OutboxMessage): Promise<void> {
    const { id, sendCount, clusterId, schedulerId, type, payload } = message;
    const epoch = await this.streams.ensure();
    const subject = jobSubject({ epoch, clusterId, schedulerId, type });
    try {
      await this.publisher.publish(subject, Buffer.from(payload), `${id}.${sendCount}`);
    } catch (error) {
      // The stream may be gone; the next try looks for it.
      this.streams.forget();
      throw error;
    }
  }
}
