/** Puts a relay before a scheduler, so that what it says to hosts on their streams takes as long as a call. */

import type { ClusterRecord } from '@pondhawk/testing';
import { Relay } from './relay.js';

const ANNOUNCED_IP = '127.0.2.1';
const NAME = 'scheduler-1';

/** The scheduler listens on 127.0.0.1 but announces another address, where this relay listens on the same port. */
export class RelayedScheduler {
  /** Environment of the cluster's daemons, by name. */
  readonly environment = { [NAME]: { PONDHAWK_SCHEDULER_HOST_IP: ANNOUNCED_IP } };
  private relay: Relay | undefined;

  constructor(private readonly addedMs: number) {}

  /** Starts the relay of a cluster's scheduler. */
  async start({ processes }: ClusterRecord): Promise<void> {
    const address = processes.find(({ name }) => name === NAME)?.addresses['grpc'] ?? '';
    const port = Number(address.split(':')[1]);
    this.relay = new Relay({
      listen: { host: ANNOUNCED_IP, port },
      target: { host: '127.0.0.1', port },
      ...{ toServerMs: 0, toClientMs: this.addedMs },
    });
    await this.relay.start();
  }

  /** Stops it. */
  async stop(): Promise<void> {
    await this.relay?.stop();
  }
}
