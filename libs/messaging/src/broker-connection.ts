import { setTimeout as delay } from 'node:timers/promises';
import { Events, connect, type NatsConnection } from 'nats';
import { UnavailableError, backoffDelayMs } from '@pondhawk/core';
import { toMessagingError } from './messaging-error.js';
import {
  BROKER_TIMEOUT_MS,
  PING_INTERVAL_MS,
  RECONNECT_DELAY_MS_MAX,
  RECONNECT_DELAY_MS_MIN,
} from './limits.js';

/** What happened to the connection. */
export type BrokerStatus =
  | { readonly state: 'connected'; readonly isFirst: boolean }
  | { readonly state: 'disconnected'; readonly error?: Error };

/** Which broker, and who calls. */
export interface BrokerConnectionOptions {
  /** As `nats://127.0.0.1:4222`. */
  readonly url: string;
  /** Shown by the broker's monitoring. */
  readonly name: string;
}

// Compared as strings: the client's status type mixes two enums.
const DISCONNECT: string = Events.Disconnect;
const RECONNECT: string = Events.Reconnect;

/** Told of each change of the connection. */
export type BrokerStatusListener = (status: BrokerStatus) => void;

/**
 * One connection to the broker, kept up for ever.
 *
 * Life: `start` dials until it succeeds (the daemon runs meanwhile), the client redials by itself after
 * each loss, and a connection that was closed for good is dialled anew; `close` ends it. Callers that
 * cannot wait use `require`, loops use `ready`.
 */
export class BrokerConnection {
  private client: NatsConnection | undefined; // Set from the first success, also while it redials.
  private isUp = false;
  private hasBeenUp = false;
  private readonly closing = new AbortController();
  private dialling: Promise<void> | undefined; // Set from start to close.
  private readonly listeners = new Set<BrokerStatusListener>();

  constructor(private readonly options: BrokerConnectionOptions) {}

  /** Begins to dial; returns at once. */
  start(): void {
    this.dialling ??= this.run();
  }

  /** Whether messages can be sent now. */
  get isConnected(): boolean {
    return this.isUp;
  }

  /** Tells `listener` of each change from now on. @returns what ends that. */
  onStatus(listener: BrokerStatusListener): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  /** The client, now. @throws UnavailableError (`BROKER_UNAVAILABLE`) while there is no connection. */
  require(): NatsConnection {
    if (this.client !== undefined && this.isUp) return this.client;
    throw new UnavailableError('BROKER_UNAVAILABLE', 'There is no connection to the broker.');
  }

  /** The client, as soon as it is connected. @throws the signal's reason, or UnavailableError once closed. */
  async ready(signal?: AbortSignal): Promise<NatsConnection> {
    while (!this.isUp || this.client === undefined) {
      signal?.throwIfAborted();
      if (this.closing.signal.aborted) return this.require();
      await this.nextChange(signal);
    }
    return this.client;
  }

  /**
   * Sends what is buffered, as long as there is a broker to take it, and hangs up. Nothing works
   * afterwards. Takes at most three times BROKER_TIMEOUT_MS, whatever the broker does meanwhile.
   */
  async close(): Promise<void> {
    this.closing.abort();
    const { client } = this;
    if (client !== undefined && !client.isClosed()) {
      // A drain of a lost connection waits for the redial, so the loss ends the wait as well.
      if (this.isUp) await within(BROKER_TIMEOUT_MS, [client.drain(), this.nextChange(undefined)]);
      await within(BROKER_TIMEOUT_MS, [client.close()]);
    }
    await within(BROKER_TIMEOUT_MS, [this.dialling ?? Promise.resolve()]);
  }

  private async run(): Promise<void> {
    const { signal } = this.closing;
    for (let attempt = 1; !signal.aborted; attempt++) {
      try {
        await this.runConnection(await this.dial());
        attempt = 0;
      } catch (error) {
        this.tell({ state: 'disconnected', error: toMessagingError(error) });
      }
      await delay(redialDelayMs(attempt), undefined, { signal }).catch(() => undefined);
    }
    this.tell({ state: 'disconnected' });
  }

  private async dial(): Promise<NatsConnection> {
    return connect({
      servers: this.options.url,
      name: this.options.name,
      maxReconnectAttempts: -1,
      // A broker that is being set up again may refuse for a while.
      ignoreAuthErrorAbort: true,
      reconnectTimeWait: RECONNECT_DELAY_MS_MIN,
      reconnectDelayHandler: () => redialDelayMs(3),
      timeout: BROKER_TIMEOUT_MS,
      pingInterval: PING_INTERVAL_MS,
      maxPingOut: 2,
    });
  }

  /** Follows one client until it is closed for good. */
  private async runConnection(client: NatsConnection): Promise<void> {
    this.client = client;
    this.tell({ state: 'connected', isFirst: !this.hasBeenUp });
    this.hasBeenUp = true;
    // Not awaited: the client never ends its iterator of statuses, not even when it is closed.
    void this.watch(client);
    if (this.closing.signal.aborted) await client.close();
    const error = await client.closed();
    this.tell({ state: 'disconnected', ...(error instanceof Error ? { error } : {}) });
  }

  private async watch(client: NatsConnection): Promise<void> {
    for await (const status of client.status()) {
      const type: string = status.type;
      if (type === DISCONNECT) this.tell({ state: 'disconnected' });
      if (type === RECONNECT) {
        this.tell({ state: 'connected', isFirst: false });
      }
    }
  }

  private tell(status: BrokerStatus): void {
    this.isUp = status.state === 'connected';
    for (const listener of [...this.listeners]) listener(status);
  }

  private async nextChange(signal: AbortSignal | undefined): Promise<void> {
    await new Promise<void>((resolve) => {
      const done = (): void => {
        unlisten();
        signal?.removeEventListener('abort', done);
        resolve();
      };
      const unlisten = this.onStatus(done);
      signal?.addEventListener('abort', done, { once: true });
    });
  }
}

/** Waits for the first end of any kind, at most `limitMs`. */
async function within(limitMs: number, ends: readonly Promise<unknown>[]): Promise<void> {
  const timer = new AbortController();
  const limit = delay(limitMs, undefined, { signal: timer.signal }).catch(() => undefined);
  // What went wrong with a connection that is being given up changes nothing any more.
  await Promise.race([...ends.map((end) => end.catch(() => undefined)), limit]);
  timer.abort();
}

function redialDelayMs(attempt: number): number {
  const spread = { baseMs: RECONNECT_DELAY_MS_MIN, capMs: RECONNECT_DELAY_MS_MAX };
  return RECONNECT_DELAY_MS_MIN + backoffDelayMs(attempt, spread, Math.random);
}
