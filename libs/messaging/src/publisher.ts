import type { BrokerConnection } from './broker-connection.js';
import { BROKER_TIMEOUT_MS } from './limits.js';
import { toMessagingError } from './messaging-error.js';

/** What the broker did with a message. */
export interface PublishResult {
  /** Its number in the stream. */
  readonly seq: number;
  /** The broker had a message of this id already and kept that one. */
  readonly isDuplicate: boolean;
}

/** Sends messages to streams. */
export class Publisher {
  constructor(
    private readonly connection: BrokerConnection,
    private readonly timeoutMs = BROKER_TIMEOUT_MS,
  ) {}

  /**
   * Sends one message and waits until the broker has it.
   *
   * @param messageId the broker swallows a second message of the same id within DUPLICATE_WINDOW_MS.
   * @throws UnavailableError as `toMessagingError`; the message may have arrived all the same.
   */
  async publish(subject: string, payload: Uint8Array, messageId: string): Promise<PublishResult> {
    try {
      const stream = this.connection.require().jetstream();
      const answer = await stream.publish(subject, payload, {
        msgID: messageId,
        timeout: this.timeoutMs,
      });
      return { seq: answer.seq, isDuplicate: answer.duplicate };
    } catch (error) {
      throw toMessagingError(error);
    }
  }
}
