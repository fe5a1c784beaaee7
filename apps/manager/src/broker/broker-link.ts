import type { OnApplicationShutdown, OnModuleInit } from '@nestjs/common';
import type { BrokerConnection, BrokerStatus } from '@pondhawk/messaging';
import type { Log } from '@pondhawk/observability';
import type { BrokerStreams } from './broker-streams.js';

/**
 * Keeps the connection to the broker up from start to shutdown. The manager works without it: orders
 * wait in the outbox meanwhile.
 */
export class BrokerLink implements OnModuleInit, OnApplicationShutdown {
  private unlisten: (() => void) | undefined; // Set between start and stop.
  private isDown = false; // What was logged last.

  constructor(
    private readonly connection: BrokerConnection,
    private readonly streams: BrokerStreams,
    private readonly log: Log,
  ) {}

  onModuleInit(): void {
    this.streams.start();
    this.unlisten = this.connection.onStatus((status) => this.tell(status));
    this.connection.start();
  }

  /** After the consumers have been closed and the relay has stopped. */
  async onApplicationShutdown(): Promise<void> {
    this.unlisten?.();
    this.streams.stop();
    await this.connection.close();
  }

  /** One line a change, however often it dials meanwhile. */
  private tell(status: BrokerStatus): void {
    if (status.state === 'connected') {
      this.log.info('broker connected', { isFirst: status.isFirst });
      this.isDown = false;
    } else if (!this.isDown) {
      this.log.warn('broker not reachable', { err: status.error });
      this.isDown = true;
    }
  }
}
