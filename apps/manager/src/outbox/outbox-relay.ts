import type { BeforeApplicationShutdown, OnApplicationBootstrap } from '@nestjs/common';
import { backoffDelayMs, toError, type RandomSource } from '@pondhawk/core';
import type { Log } from '@pondhawk/observability';
import type { LedgerChange, LedgerReader, LedgerWriter, OutboxMessage } from '../ledger/index.js';
import type { ProcessEdge } from '../process-wide/process-edge.js';
import type { OrderPublisher } from './order-publisher.js';

/** Messages read at a time. */
export const OUTBOX_BATCH_MAX = 500;
/** Messages on their way to the broker at once. */
export const PUBLISHES_IN_FLIGHT_MAX = 64;
/** Between two looks into the outbox that nobody asked for: for what another replica left. */
export const OUTBOX_SWEEP_INTERVAL_MS = 10_000;
/** How retries after a failed publish are spread. */
export const OUTBOX_RETRY = { baseMs: 50, capMs: 2_000 };

/** What the relay works with. */
export interface OutboxRelayOptions {
  readonly reader: LedgerReader;
  readonly writer: LedgerWriter;
  readonly publisher: OrderPublisher;
  readonly edge: ProcessEdge;
  readonly random: RandomSource;
  readonly log: Log;
}

/**
 * Takes what the ledger has committed to the broker: read, publish, mark as sent. A crash between
 * any two of these publishes once more under the same message id, which the broker swallows while it
 * remembers it; after that the receiver knows the order already.
 *
 * Life: idle until woken (a commit with messages, a new connection, the slow sweep), then it works
 * until the outbox is empty; after a failure it waits, longer each time, but a wake cuts that short.
 * `beforeApplicationShutdown` lets the batch under way finish.
 */
export class OutboxRelay implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private isWoken = false; // There may be something to send.
  private isStopping = false;
  private failureCount = 0; // Batches in a row with a message that was not taken.
  private working: Promise<void> | undefined; // Set while the loop runs.
  private interrupt: (() => void) | undefined; // Set while the loop waits after a failure.
  private sweep: NodeJS.Timeout | undefined; // Set between start and stop.
  private unsubscribe: (() => void) | undefined; // Set between start and stop.

  constructor(private readonly options: OutboxRelayOptions) {}

  onApplicationBootstrap(): void {
    this.unsubscribe = this.options.writer.onCommitted((changes) => {
      if (changes.some(bringsMessages)) this.wake();
    });
    this.sweep = setInterval(() => this.wake(), OUTBOX_SWEEP_INTERVAL_MS);
    this.wake();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.isStopping = true;
    clearInterval(this.sweep);
    this.unsubscribe?.();
    this.interrupt?.();
    await this.working;
  }

  /** Says that there may be something to send, or a broker to send it to. */
  wake(): void {
    this.isWoken = true;
    this.interrupt?.();
    if (this.working !== undefined || this.isStopping) return;
    this.working = this.run().finally(() => {
      this.working = undefined;
      // A wake between the loop's last look and here found it still working.
      if (this.isWoken && !this.isStopping) this.wake();
    });
  }

  private async run(): Promise<void> {
    while (this.isWoken && !this.isStopping) {
      this.isWoken = false;
      const left = await this.sendBatch();
      if (left === 'more') this.isWoken = true;
      if (left === 'failed') {
        this.failureCount++;
        await this.waitToRetry();
        this.isWoken = true;
      } else {
        this.failureCount = 0;
      }
    }
  }

  /** Never rejects: whatever fails is tried again. */
  private async sendBatch(): Promise<'none' | 'more' | 'failed'> {
    const { reader, edge, log } = this.options;
    try {
      const messages = await reader.listUnsentMessages(OUTBOX_BATCH_MAX);
      if (messages.length === 0) return 'none';
      edge.faults.reach('manager.outbox.read');
      const sent: OutboxMessage[] = [];
      const failure = await this.publishAll(messages, sent);
      await this.markSent(sent);
      if (failure === undefined) return messages.length === OUTBOX_BATCH_MAX ? 'more' : 'none';
      // Only the first of a row of failures is news; a broker may be away for hours.
      if (this.failureCount === 0) {
        log.warn('orders wait for the broker', {
          err: failure,
          waiting: messages.length - sent.length,
        });
      }
      return 'failed';
    } catch (error) {
      log.error('outbox cannot be worked off', { err: toError(error) });
      return 'failed';
    }
  }

  /** @returns the first failure. */
  private async publishAll(
    messages: readonly OutboxMessage[],
    sent: OutboxMessage[],
  ): Promise<Error | undefined> {
    const { publisher, edge } = this.options;
    let failure: Error | undefined;
    let next = 0;
    const worker = async (): Promise<void> => {
      for (let message = messages[next++]; message !== undefined; message = messages[next++]) {
        // Once one was not taken the broker is likely away: each other try would cost its time-out.
        if (failure !== undefined) return;
        try {
          await publisher.publish(message);
          edge.faults.reach('manager.outbox.published');
          sent.push(message);
        } catch (error) {
          failure ??= toError(error);
        }
      }
    };
    const workerCount = Math.min(PUBLISHES_IN_FLIGHT_MAX, messages.length);
    await Promise.all(Array.from({ length: workerCount }, worker));
    return failure;
  }

  private async markSent(messages: readonly OutboxMessage[]): Promise<void> {
    if (messages.length === 0) return;
    const { writer, edge } = this.options;
    await writer.execute('mark-sent', { atMs: edge.clock.nowMs(), messages });
    edge.faults.reach('manager.outbox.marked-sent');
  }

  private async waitToRetry(): Promise<void> {
    if (this.isStopping) return;
    const delayMs = backoffDelayMs(this.failureCount, OUTBOX_RETRY, this.options.random);
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, Math.max(OUTBOX_RETRY.baseMs, delayMs));
      this.interrupt = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.interrupt = undefined;
  }
}

function bringsMessages({ kind }: LedgerChange): boolean {
  return kind === 'job-accepted' || kind === 'order-queued' || kind === 'job-cancelling';
}
