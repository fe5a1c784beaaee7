import type { OutboxMessage } from '../ledger/index.js';

/** Takes messages of the outbox to the broker. */
export abstract class OrderPublisher {
  /**
   * Resolves once the broker has the message; a second one under the same id and send count is the
   * same message to it.
   *
   * @throws UnavailableError if it has not answered; the message may have arrived all the same.
   */
  abstract publish(message: OutboxMessage): Promise<void>;
}
