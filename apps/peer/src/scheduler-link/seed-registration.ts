import { setTimeout as delay } from 'node:timers/promises';
import { managerV2 } from '@pondhawk/contracts';
import { toError } from '@pondhawk/core';
import type { Log } from '@pondhawk/observability';
import { type Client, callClientStream, callUnary } from '@pondhawk/rpc';
import type { HostFacts } from './host-facts.js';

const KEEP_ALIVE_MS = 5_000;
const CALL_TIMEOUT_MS = 3_000;

/** Keeps a seed peer registered at the manager: its record, then a keepalive every five seconds. */
export class SeedRegistration {
  private readonly abort = new AbortController();
  private running: Promise<void> | undefined;

  constructor(
    private readonly manager: Client,
    private readonly facts: HostFacts,
    private readonly log: Log,
  ) {}

  /** @param uploadPort the bound port. */
  start(uploadPort: number): void {
    this.running = this.run(uploadPort);
  }

  async stop(): Promise<void> {
    this.abort.abort();
    await this.running;
  }

  private async run(uploadPort: number): Promise<void> {
    const { signal } = this.abort;
    while (!signal.aborted) {
      try {
        await this.register(uploadPort);
        await this.keepAlive();
      } catch (error) {
        if (!this.isStopped()) this.log.warn('seed peer not registered', { err: toError(error) });
      }
      await delay(KEEP_ALIVE_MS, undefined, { signal }).catch(() => undefined); // Stopped.
    }
  }

  private isStopped(): boolean {
    return this.abort.signal.aborted;
  }

  private async register(uploadPort: number): Promise<void> {
    const { hostname, ip, idc, location, clusterId } = this.facts;
    await callUnary(
      this.manager,
      managerV2.ManagerService.updateSeedPeer,
      managerV2.UpdateSeedPeerRequest.create({
        sourceType: managerV2.SourceType.SEED_PEER_SOURCE,
        hostname,
        type: 'super',
        ...(idc === '' ? {} : { idc }),
        ...(location === '' ? {} : { location }),
        ip,
        port: uploadPort,
        downloadPort: uploadPort,
        seedPeerClusterId: BigInt(clusterId),
      }),
      { timeoutMs: CALL_TIMEOUT_MS, signal: this.abort.signal },
    );
  }

  private async keepAlive(): Promise<void> {
    const { signal } = this.abort;
    const call = callClientStream(this.manager, managerV2.ManagerService.keepAlive, { signal });
    const { hostname, ip, clusterId } = this.facts;
    for (;;) {
      signal.throwIfAborted();
      await call.send({
        sourceType: managerV2.SourceType.SEED_PEER_SOURCE,
        hostname,
        ip,
        clusterId: BigInt(clusterId),
      });
      await delay(KEEP_ALIVE_MS, undefined, { signal });
    }
  }
}
