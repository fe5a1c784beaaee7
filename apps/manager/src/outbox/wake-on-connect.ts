import type { BeforeApplicationShutdown, OnModuleInit } from '@nestjs/common';
import type { BrokerConnection } from '@pondhawk/messaging';
import type { OutboxRelay } from './outbox-relay.js';

/** Wakes the relay when the broker is back, so that orders do not wait for its next try. */
export class WakeOnConnect implements OnModuleInit, BeforeApplicationShutdown {
  private unlisten: (() => void) | undefined; // Set between start and stop.

  constructor(
    private readonly connection: BrokerConnection,
    private readonly relay: OutboxRelay,
  ) {}

  onModuleInit(): void {
    this.unlisten = this.connection.onStatus(({ state }) => {
      if (state === 'connected') this.relay.wake();
    });
  }

  beforeApplicationShutdown(): void {
    this.unlisten?.();
  }
}
