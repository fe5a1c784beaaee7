import { Server, type CustomTransportStrategy } from '@nestjs/microservices';
import { InvariantError, type PondhawkError } from '@pondhawk/core';
import type { BrokerConnection } from './broker-connection.js';
import type { DurableSpec } from './broker-topology.js';
import { ConsumerLoop } from './consumer-loop.js';
import { ACK_WAIT_MS, DRAIN_MS_MAX } from './limits.js';
import {
  MessageRunner,
  type MessageHandler,
  type PayloadClass,
  type ReceivedMessage,
} from './message-runner.js';

/** What a strategy consumes, and who is told what. */
export interface JetStreamStrategyOptions {
  readonly connection: BrokerConnection;
  /** Asked each time the consumer is looked for; may throw while it is not known yet. */
  readonly durable: () => DurableSpec | Promise<DurableSpec>;
  /** Payload class by message type; each needs a handler `@EventPattern(type)`. */
  readonly payloadClasses: Readonly<Record<string, PayloadClass>>;
  /** Message type of a subject, e.g. its last token. */
  readonly typeOf: (subject: string) => string;
  /** Told before a message is given up for good; if it throws, the message comes again instead. */
  readonly onTerminated: (message: ReceivedMessage, error: PondhawkError) => void | Promise<void>;
  /** Told of failures that another delivery may heal. */
  readonly onRetry: (message: ReceivedMessage, error: PondhawkError) => void;
  /** Told each time consuming had to be given up for a while. */
  readonly onTrouble: (error: PondhawkError) => void;
  /** Default ACK_WAIT_MS; must be the consumer's. */
  readonly ackWaitMs?: number;
  /** Default DRAIN_MS_MAX. */
  readonly drainMsMax?: number;
}

/**
 * Nest's transport for durable consumers of the broker. Handlers are `@EventPattern(type)` methods that
 * take the checked payload and, as `@Ctx()`, the `ReceivedMessage`; a message is acknowledged when the
 * promise or Observable they return has ended. The application must use `PassErrorsFilter`, as Nest
 * otherwise hides what a handler threw.
 *
 * Life: `listen` returns before there is a broker; `close` waits for handlers under way and leaves the
 * connection open.
 */
export class JetStreamStrategy extends Server implements CustomTransportStrategy {
  private loop: ConsumerLoop | undefined; // Set from listen to close.
  private runner: MessageRunner | undefined; // As `loop`.

  constructor(private readonly options: JetStreamStrategyOptions) {
    super();
  }

  /** @throws InvariantError (`HANDLER_MISSING`) if a payload type has no handler. */
  listen(callback: () => void): void {
    const { connection, durable, onTrouble, ackWaitMs = ACK_WAIT_MS } = this.options;
    const { drainMsMax = DRAIN_MS_MAX } = this.options;
    for (const type of Object.keys(this.options.payloadClasses)) {
      if (this.handlerOf(type) === undefined) {
        throw new InvariantError('HANDLER_MISSING', `No handler for messages of type "${type}".`);
      }
    }
    const runner = new MessageRunner({
      ...this.options,
      ackWaitMs,
      handlerOf: (type) => this.handlerOf(type),
    });
    this.runner = runner;
    const run = runner.run.bind(runner);
    this.loop = new ConsumerLoop({ connection, durable, onTrouble, run, drainMsMax });
    this.loop.start();
    callback();
  }

  /** Takes no more messages and waits for those under way; what has not ended by then comes again elsewhere. */
  async close(): Promise<void> {
    await this.loop?.close();
    this.runner?.abandon();
    this.loop = undefined;
    this.runner = undefined;
  }

  /** Not offered: who wants to know the connection's state asks `BrokerConnection`. */
  on(): void {
    throw new InvariantError('NOT_OFFERED', 'JetStreamStrategy has no events.');
  }

  /** Not offered either: the connection is the caller's. */
  unwrap(): never {
    throw new InvariantError('NOT_OFFERED', 'JetStreamStrategy has nothing to unwrap.');
  }

  private handlerOf(type: string): MessageHandler | undefined {
    const handler = this.messageHandlers.get(this.normalizePattern(type));
    return handler === undefined ? undefined : (payload, message) => handler(payload, message);
  }
}
