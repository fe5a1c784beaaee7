import type { JsMsg } from 'nats';
import { isObservable, lastValueFrom } from 'rxjs';
import {
  InvalidArgumentError,
  InvariantError,
  PondhawkError,
  backoffDelayMs,
  toError,
} from '@pondhawk/core';
import { parsePayload } from '@pondhawk/contracts';
import { BROKER_TIMEOUT_MS, REDELIVERY_DELAY_MS_MAX, REDELIVERY_DELAY_MS_MIN } from './limits.js';

/** A message as handlers and callbacks see it. */
export interface ReceivedMessage {
  readonly subject: string;
  /** What the handler is chosen by. */
  readonly type: string;
  readonly data: Uint8Array;
  /** 1 at the first delivery. */
  readonly deliveryCount: number;
}

/** A class with class-validator's decorators. */
export type PayloadClass = new () => object;

/** Carries a message out; what it returns is awaited or subscribed to its end. */
export type MessageHandler = (payload: object, message: ReceivedMessage) => unknown;

/** How messages are told apart, and who is told what. */
export interface MessageRunnerOptions {
  readonly ackWaitMs: number;
  /** Payload class by type. */
  readonly payloadClasses: Readonly<Record<string, PayloadClass>>;
  readonly typeOf: (subject: string) => string;
  readonly handlerOf: (type: string) => MessageHandler | undefined;
  /** Told before a message is given up for good; if it throws, the message comes again instead. */
  readonly onTerminated: (message: ReceivedMessage, error: PondhawkError) => void | Promise<void>;
  /** Told of failures that another delivery may heal. */
  readonly onRetry: (message: ReceivedMessage, error: PondhawkError) => void;
}

/**
 * Carries one message out and then says so to the broker: acknowledged only after the handler's end,
 * to come again after a retryable error, given up after any other. While the handler runs the broker
 * is told every third of the ack wait that somebody works, until `abandon`.
 */
export class MessageRunner {
  private readonly working = new Set<NodeJS.Timeout>(); // One a message under way.

  constructor(private readonly options: MessageRunnerOptions) {}

  /** Claims the messages under way no longer: the broker gives them to another consumer. */
  abandon(): void {
    this.working.forEach((timer) => clearInterval(timer));
    this.working.clear();
  }

  /** Never rejects. */
  async run(raw: JsMsg): Promise<void> {
    const message: ReceivedMessage = {
      subject: raw.subject,
      type: this.options.typeOf(raw.subject),
      data: raw.data,
      deliveryCount: raw.info.deliveryCount,
    };
    const working = setInterval(() => raw.working(), this.options.ackWaitMs / 3);
    this.working.add(working);
    try {
      await this.handle(message);
      await acknowledge(raw);
    } catch (error) {
      await this.failed(raw, { message, error: toHandlerError(error) });
    } finally {
      clearInterval(working);
      this.working.delete(working);
    }
  }

  private async handle(message: ReceivedMessage): Promise<void> {
    const { payloadClasses, handlerOf } = this.options;
    const handler = handlerOf(message.type);
    const payloadClass = Object.hasOwn(payloadClasses, message.type)
      ? payloadClasses[message.type]
      : undefined;
    if (handler === undefined || payloadClass === undefined) {
      throw new InvalidArgumentError(
        'MESSAGE_TYPE_UNKNOWN',
        `This version does not know messages of type "${message.type}".`,
        { details: { type: message.type } },
      );
    }
    const payload = parsePayload(payloadClass, message.data);
    const result = await handler(payload, message);
    if (isObservable(result)) await lastValueFrom(result, { defaultValue: undefined });
  }

  private async failed(
    raw: JsMsg,
    { message, error }: { message: ReceivedMessage; error: PondhawkError },
  ): Promise<void> {
    if (error.retryable) {
      this.retry(raw, { message, error });
      return;
    }
    try {
      await this.options.onTerminated(message, error);
      // Without a reason: brokers before 2.10.4 would not take it for a term, and deliver again.
      raw.term();
    } catch (reportError) {
      this.retry(raw, { message, error: toHandlerError(reportError) });
    }
  }

  private retry(
    raw: JsMsg,
    { message, error }: { message: ReceivedMessage; error: PondhawkError },
  ): void {
    this.options.onRetry(message, error);
    const spread = { baseMs: REDELIVERY_DELAY_MS_MIN, capMs: REDELIVERY_DELAY_MS_MAX };
    const delayMs = backoffDelayMs(message.deliveryCount, spread, () => 1);
    raw.nak(error.retryAfterMs ?? delayMs);
  }
}

async function acknowledge(raw: JsMsg): Promise<void> {
  try {
    await raw.ackAck({ timeout: BROKER_TIMEOUT_MS });
  } catch {
    // The broker is away or did not hear: it delivers the message again, and handlers are idempotent.
  }
}

function toHandlerError(thrown: unknown): PondhawkError {
  if (thrown instanceof PondhawkError) return thrown;
  const isNestAnswer = typeof thrown === 'object' && thrown !== null && 'status' in thrown;
  const hint = isNestAnswer
    ? 'Nest replaced the error of a handler: use PassErrorsFilter.'
    : 'A handler failed.';
  return new InvariantError('HANDLER_FAILED', hint, {
    cause: isNestAnswer ? thrown : toError(thrown),
  });
}
