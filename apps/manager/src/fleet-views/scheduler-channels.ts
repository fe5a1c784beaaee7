import type { OnApplicationShutdown } from '@nestjs/common';
import type { Clock } from '@pondhawk/core';
import { ChannelPool } from '@pondhawk/rpc';

/** Channels to schedulers, closed at shutdown. */
export class SchedulerChannels implements OnApplicationShutdown {
  readonly pool: ChannelPool;

  constructor(clock: Clock) {
    this.pool = new ChannelPool(clock);
  }

  onApplicationShutdown(): void {
    this.pool.close();
  }
}
