import { Client, connectivityState, credentials } from '@grpc/grpc-js';
import type { Clock } from '@pondhawk/core';
import {
  CHANNELS_MAX,
  CHANNEL_IDLE_MS,
  CHANNEL_OPTIONS,
  RECONNECT_DELAY_MS_MAX,
  RECONNECT_DELAY_MS_MIN,
} from './limits.js';

/**
 * A channel to `host:port` or `unix:/path`. It connects at the first call and again after each loss;
 * `close()` lets calls under way finish. Use it with `callUnary` and its kin.
 */
export function createClient(address: string): Client {
  return new Client(address, credentials.createInsecure(), {
    ...CHANNEL_OPTIONS,
    'grpc.initial_reconnect_backoff_ms': RECONNECT_DELAY_MS_MIN,
    'grpc.max_reconnect_backoff_ms': RECONNECT_DELAY_MS_MAX,
    // Only the caller that owns the deadline retries.
    'grpc.enable_retries': 0,
    // Daemons talk to each other directly, whatever the environment says of proxies.
    'grpc.enable_http_proxy': 0,
    'grpc.use_local_subchannel_pool': 1,
  });
}

interface PooledChannel {
  readonly client: Client;
  readonly usedAtMs: number;
}

/** How many channels are kept, and how long. */
export interface ChannelPoolOptions {
  readonly idleMs?: number;
  readonly channelsMax?: number;
}

/**
 * Channels by address. One that lost its connection and could not make a new one is replaced: it
 * would fail calls unsent until its next dial, although the daemon may be back. One that nobody asked for during CHANNEL_IDLE_MS is closed, and so is the
 * longest unused one when there are CHANNELS_MAX; calls under way on it finish. Ask for the client
 * at each call, do not keep it.
 */
export class ChannelPool {
  private readonly channels = new Map<string, PooledChannel>(); // Longest unused first.

  constructor(
    private readonly clock: Clock,
    private readonly options: ChannelPoolOptions = {},
  ) {}

  /** The channel to an address, made if need be. */
  get(address: string): Client {
    const usedAtMs = this.clock.monotonicMs();
    const client = this.take(address) ?? createClient(address);
    this.closeOld(usedAtMs);
    this.channels.set(address, { client, usedAtMs });
    return client;
  }

  /** How many addresses have a channel. */
  get size(): number {
    return this.channels.size;
  }

  /** Closes all channels; calls under way finish. */
  close(): void {
    for (const { client } of this.channels.values()) client.close();
    this.channels.clear();
  }

  private take(address: string): Client | undefined {
    const client = this.channels.get(address)?.client;
    this.channels.delete(address);
    if (client?.getChannel().getConnectivityState(false) !== connectivityState.TRANSIENT_FAILURE) {
      return client;
    }
    client.close();
    return undefined;
  }

  private closeOld(nowMs: number): void {
    const { idleMs = CHANNEL_IDLE_MS, channelsMax = CHANNELS_MAX } = this.options;
    for (const [address, { client, usedAtMs }] of this.channels) {
      if (nowMs - usedAtMs < idleMs && this.channels.size < channelsMax) return;
      client.close();
      this.channels.delete(address);
    }
  }
}
