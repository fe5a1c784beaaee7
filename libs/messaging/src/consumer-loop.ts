import { setTimeout as delay } from 'node:timers/promises';
import { ConsumerEvents, type ConsumerMessages, type JsMsg } from 'nats';
import { backoffDelayMs, type PondhawkError } from '@pondhawk/core';
import type { BrokerConnection } from './broker-connection.js';
import { ensureDurable, type DurableSpec } from './broker-topology.js';
import {
  ACK_PENDING_MAX,
  IDLE_HEARTBEAT_MS,
  PULL_EXPIRES_MS,
  RECONNECT_DELAY_MS_MAX,
  RECONNECT_DELAY_MS_MIN,
} from './limits.js';
import { toMessagingError } from './messaging-error.js';

/** After these the consumer may be gone; the client would only ask it for ever. */
const LOST_EVENTS: readonly string[] = [
  ConsumerEvents.ConsumerDeleted,
  ConsumerEvents.ConsumerNotFound,
  ConsumerEvents.StreamNotFound,
  ConsumerEvents.HeartbeatsMissed,
  ConsumerEvents.NoResponders,
];

/** What a loop consumes, and with what. */
export interface ConsumerLoopOptions {
  readonly connection: BrokerConnection;
  /** Asked each time the consumer is looked for; may throw while it is not known yet. */
  readonly durable: () => DurableSpec | Promise<DurableSpec>;
  /** Carries a message out; never rejects. */
  readonly run: (message: JsMsg) => Promise<void>;
  /** Told each time consuming had to be given up for a while. */
  readonly onTrouble: (error: PondhawkError) => void;
  /** How long `close` waits for messages under way. */
  readonly drainMsMax: number;
}

/**
 * Consumes one durable consumer for ever: waits for the connection, makes the consumer if it is gone,
 * takes messages until it is lost, and begins again with a growing wait. Messages run at once and side
 * by side; the broker's limit of unacknowledged messages bounds them.
 */
export class ConsumerLoop {
  private readonly closing = new AbortController();
  private readonly running = new Set<Promise<void>>();
  private messages: ConsumerMessages | undefined; // Set while consuming.
  private loop: Promise<void> | undefined; // Set from start.

  constructor(private readonly options: ConsumerLoopOptions) {}

  /** Begins; returns at once. */
  start(): void {
    this.loop ??= this.consumeForEver();
  }

  /** Takes no more messages and waits for those under way, at most `drainMsMax`. */
  async close(): Promise<void> {
    this.closing.abort();
    this.messages?.stop();
    const timer = new AbortController();
    await Promise.race([
      Promise.allSettled([this.loop, ...this.running]),
      delay(this.options.drainMsMax, undefined, { signal: timer.signal }).catch(() => undefined),
    ]);
    timer.abort();
  }

  private async consumeForEver(): Promise<void> {
    const { signal } = this.closing;
    let attempt = 1;
    while (!this.isClosing()) {
      try {
        if (await this.consumeOnce()) attempt = 0;
      } catch (error) {
        if (!this.isClosing()) this.options.onTrouble(toMessagingError(error));
      }
      attempt += 1;
      await delay(waitMs(attempt), undefined, { signal }).catch(() => undefined);
    }
  }

  /** @returns whether a message came before the consumer was lost. */
  private async consumeOnce(): Promise<boolean> {
    const { connection } = this.options;
    const { signal } = this.closing;
    const client = await connection.ready(signal);
    const spec = await this.options.durable();
    await ensureDurable(connection, spec);
    const consumer = await client.jetstream().consumers.get(spec.stream, spec.durable);
    const messages = await consumer.consume({
      max_messages: spec.ackPendingMax ?? ACK_PENDING_MAX,
      expires: PULL_EXPIRES_MS,
      idle_heartbeat: IDLE_HEARTBEAT_MS,
    });
    this.messages = messages;
    if (signal.aborted) messages.stop();
    const watching = stopWhenLost(messages);
    let hasMessage = false;
    for await (const message of messages) {
      if (signal.aborted) break;
      hasMessage = true;
      this.begin(message);
    }
    await watching;
    return hasMessage;
  }

  private isClosing(): boolean {
    return this.closing.signal.aborted;
  }

  private begin(message: JsMsg): void {
    const run = this.options.run(message).finally(() => this.running.delete(run));
    this.running.add(run);
  }
}

async function stopWhenLost(messages: ConsumerMessages): Promise<void> {
  for await (const { type } of await messages.status()) {
    if (LOST_EVENTS.includes(type)) messages.stop();
  }
}

function waitMs(attempt: number): number {
  const spread = { baseMs: RECONNECT_DELAY_MS_MIN, capMs: RECONNECT_DELAY_MS_MAX };
  return RECONNECT_DELAY_MS_MIN + backoffDelayMs(attempt, spread, Math.random);
}
