/** Puts a relay before every peer of a cluster, at an address of its own. */

import type { ProcessRecord } from '@pondhawk/testing';
import { DelayProxy } from './delay-proxy.js';

/**
 * Peers listen on 127.0.0.1 but announce 127.0.1.<n>, where a relay listens on the same ports. So
 * whoever calls a peer at its announced address, goes through the relay. Only the upload service is
 * slowed down; pieces pass at once.
 */
export class DelayedHosts {
  private readonly proxies: DelayProxy[] = [];

  constructor(private readonly delayMs: number) {}

  /** Environment of the daemons, by name. */
  environment(peers: number): Record<string, Record<string, string>> {
    return Object.fromEntries(
      Array.from({ length: peers }, (_, index) => [
        `peer-${index + 1}`,
        { PONDHAWK_PEER_HOST_IP: announcedIp(index + 1) },
      ]),
    );
  }

  /** Starts the relays of the cluster's peers. */
  async start(peers: readonly ProcessRecord[]): Promise<void> {
    for (const record of peers) {
      await this.relay(record, 'upload', this.delayMs);
      await this.relay(record, 'pieces', 0);
    }
  }

  /** `host:port` at which a peer's upload service is reached through its relay. */
  addressOf(record: ProcessRecord): string {
    return `${announcedIp(numberOf(record))}:${portOf(record, 'upload')}`;
  }

  /** Stops all relays. */
  async stop(): Promise<void> {
    await Promise.all(this.proxies.map((proxy) => proxy.stop()));
  }

  private async relay(record: ProcessRecord, name: string, delayMs: number): Promise<void> {
    const port = portOf(record, name);
    const proxy = new DelayProxy({
      listen: { host: announcedIp(numberOf(record)), port },
      target: { host: '127.0.0.1', port },
      delayMs,
    });
    await proxy.start();
    this.proxies.push(proxy);
  }
}

function announcedIp(number: number): string {
  return `127.0.1.${number}`;
}

function numberOf({ name }: ProcessRecord): number {
  return Number(name.split('-')[1]);
}

function portOf(record: ProcessRecord, name: string): number {
  return Number(record.addresses[name]?.split(':')[1]);
}
