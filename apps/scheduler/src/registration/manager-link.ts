/** Makes this scheduler known to the manager, and keeps it so. */

import { setTimeout as sleep } from 'node:timers/promises';
import { managerV2, pondhawkV1 } from '@pondhawk/contracts';
import { backoffDelayMs, toError, UnavailableError } from '@pondhawk/core';
import type { Log } from '@pondhawk/observability';
import { callClientStream, callUnary, createClient, type Client } from '@pondhawk/rpc';
import {
  DEFAULT_CLUSTER_LIMITS,
  parseClusterLimits,
  type ClusterLimits,
} from './cluster-limits.js';

const CALL_TIMEOUT_MS = 5_000;
const RETRY_BACKOFF = { baseMs: 500, capMs: 5_000 };

/** Under which numbers the manager knows this scheduler. */
export interface Registration {
  readonly schedulerId: number;
  readonly clusterId: number;
  /** Part of stream and subject names. */
  readonly epoch: string;
}

/** Who this scheduler is, and whom it tells. */
export interface ManagerLinkOptions {
  readonly address: string;
  readonly hostname: string;
  readonly ip: string;
  readonly clusterId: number;
  readonly intervalMs: number;
  readonly log: Log;
}

/**
 * Life: `start` registers and then tells the manager each interval that this scheduler lives; after
 * any failure it registers again, with pauses, for ever. `stop` ends it.
 */
export class ManagerLink {
  /** The manager's gRPC port. */
  readonly client: Client;
  private readonly stopping = new AbortController();
  private registration: Registration | undefined; // Set from the first success on; numbers do not change.
  private running: Promise<void> = Promise.resolve();
  private readonly listeners: (() => void)[] = [];
  /** What the cluster's row said when it was last asked for: with each registration and each keepalive. */
  limits: ClusterLimits = DEFAULT_CLUSTER_LIMITS;

  constructor(private readonly options: ManagerLinkOptions) {
    this.client = createClient(options.address);
  }

  /** Begins; `port` is where this scheduler listens. */
  start(port: number): void {
    this.running = this.run(port);
  }

  /** The manager's numbers. @throws UnavailableError (`NOT_REGISTERED`) before the first success. */
  requireRegistration(): Registration {
    if (this.registration !== undefined) return this.registration;
    throw new UnavailableError('NOT_REGISTERED', 'The manager does not know this scheduler yet.');
  }

  /** Calls `listener` after each registration. */
  onRegistered(listener: () => void): void {
    this.listeners.push(listener);
  }

  /**
   * Asks the manager under which names orders and reports travel now. While it does not answer, those
   * known before hold: the broker may work without it.
   *
   * @throws UnavailableError (`NOT_REGISTERED`) before the first registration.
   */
  async refreshBroker(): Promise<Registration> {
    const known = this.requireRegistration();
    try {
      const epoch = await this.askBroker(known.schedulerId, known.clusterId);
      this.registration = { ...known, epoch };
    } catch (thrown) {
      this.options.log.debug('the manager does not tell the broker', { err: toError(thrown) });
    }
    return this.requireRegistration();
  }

  /** Ends it; the manager finds out by the missing word. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running;
    this.client.close();
  }

  private async run(port: number): Promise<void> {
    for (let failures = 0; !this.stopping.signal.aborted;) {
      try {
        this.registration = await this.register(port);
        failures = 0;
        this.listeners.forEach((listener) => listener());
        this.options.log.info('registered with the manager', {
          ...this.registration,
          limits: this.limits,
        });
        await this.keepAlive();
      } catch (thrown) {
        if (this.isStopping()) return;
        failures += 1;
        this.options.log.warn('lost the manager', { err: toError(thrown), failures });
        await this.pause(100 + backoffDelayMs(failures, RETRY_BACKOFF, Math.random));
      }
    }
  }

  private async register(port: number): Promise<Registration> {
    const { hostname, ip, clusterId, intervalMs } = this.options;
    const call = { timeoutMs: CALL_TIMEOUT_MS, signal: this.stopping.signal };
    const scheduler = await callUnary(
      this.client,
      managerV2.ManagerService.updateScheduler,
      managerV2.UpdateSchedulerRequest.fromPartial({
        sourceType: managerV2.SourceType.SCHEDULER_SOURCE,
        hostname,
        ip,
        port,
        schedulerClusterId: BigInt(clusterId),
        features: ['schedule'],
        config: Buffer.from(
          JSON.stringify({ manager_keep_alive_interval: intervalMs * 1_000_000 }),
        ),
      }),
      call,
    );
    this.limits = parseClusterLimits(scheduler.schedulerCluster);
    const schedulerId = Number(scheduler.id);
    const ownClusterId = Number(scheduler.schedulerClusterId);
    const epoch = await this.askBroker(schedulerId, ownClusterId);
    return { schedulerId, clusterId: ownClusterId, epoch };
  }

  private async askBroker(schedulerId: number, clusterId: number): Promise<string> {
    const { epoch } = await callUnary(
      this.client,
      pondhawkV1.FleetService.getBroker,
      { schedulerId: BigInt(schedulerId), schedulerClusterId: BigInt(clusterId) },
      { timeoutMs: CALL_TIMEOUT_MS, signal: this.stopping.signal },
    );
    return epoch;
  }

  private async keepAlive(): Promise<void> {
    const { hostname, ip, clusterId, intervalMs } = this.options;
    const stream = callClientStream(this.client, managerV2.ManagerService.keepAlive, {
      signal: this.stopping.signal,
    });
    // A stream that the manager ends has to be opened again, even while nothing is being sent.
    const ended = stream.response.then(() => {
      throw new UnavailableError('KEEPALIVE_ENDED', 'The manager ended the keepalive stream.');
    });
    ended.catch(() => undefined); // Seen by the race below.
    for (;;) {
      await stream.send({
        sourceType: managerV2.SourceType.SCHEDULER_SOURCE,
        hostname,
        ip,
        clusterId: BigInt(clusterId),
      });
      await this.refreshLimits();
      await Promise.race([this.pause(intervalMs), ended]);
      this.stopping.signal.throwIfAborted();
    }
  }

  /** An operator's change has its effect without a restart. While the manager does not answer, the limits known before hold. */
  private async refreshLimits(): Promise<void> {
    const { hostname, ip, clusterId } = this.options;
    try {
      const { schedulerCluster } = await callUnary(
        this.client,
        managerV2.ManagerService.getScheduler,
        managerV2.GetSchedulerRequest.fromPartial({
          sourceType: managerV2.SourceType.SCHEDULER_SOURCE,
          ...{ hostname, ip, schedulerClusterId: BigInt(clusterId) },
        }),
        { timeoutMs: CALL_TIMEOUT_MS, signal: this.stopping.signal },
      );
      this.limits = parseClusterLimits(schedulerCluster);
    } catch (thrown) {
      this.options.log.debug('the manager does not tell the limits', { err: toError(thrown) });
    }
  }

  private isStopping(): boolean {
    return this.stopping.signal.aborted;
  }

  private async pause(ms: number): Promise<void> {
    // The only reason to reject is the stop, which the loops look at.
    await sleep(ms, undefined, { signal: this.stopping.signal }).catch(() => undefined);
  }
}
