import {
  Injectable,
  type BeforeApplicationShutdown,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { pondhawkV1, schedulerV2 } from '@pondhawk/contracts';
import { HealthServer, Metrics } from '@pondhawk/observability';
import { GrpcServer } from '@pondhawk/rpc';
import { writeAddresses } from './addresses-file.js';
import { schedulerHandlers } from './announcing/scheduler-handlers.js';
import { swarmHandlers } from './announcing/swarm-handlers.js';
import { SwarmLoop } from './announcing/swarm-loop.js';
import { registerFleetMetrics } from './fleet/fleet-metrics.js';
import { Fleet } from './fleet/fleet.js';
import { OrderTransport } from './orders/order-strategy.js';
import { SchedulerConfig } from './scheduler.config.js';

const STOP_GRACE_MS = 5_000;
/** AnnounceCopies names all pieces of a copy in one message: room for 130,000, some 120 bytes each. */
const ANNOUNCEMENT_BYTES_MAX = 16 * 1024 * 1024;

/** Opens the listeners once everything else stands, and closes them first. */
@Injectable()
export class SchedulerListeners
  implements OnApplicationBootstrap, BeforeApplicationShutdown, OnApplicationShutdown
{
  private readonly grpc: GrpcServer;
  private readonly health: HealthServer;

  constructor(
    private readonly config: SchedulerConfig,
    private readonly transport: OrderTransport,
    private readonly loop: SwarmLoop,
    private readonly fleet: Fleet,
    metrics: Metrics,
  ) {
    const { log, connection, link } = transport;
    this.grpc = new GrpcServer({
      listen: config.grpc,
      requestBytesMax: ANNOUNCEMENT_BYTES_MAX,
      onUnexpectedError: ({ error, path }) =>
        log.error('a call failed unexpectedly', { path, err: error }),
    });
    this.grpc.addService(
      schedulerV2.SchedulerService,
      schedulerHandlers({
        loop,
        enrolment: fleet.announced,
        claims: fleet.claims,
        limits: () => link.limits,
      }),
    );
    this.grpc.addService(pondhawkV1.SwarmService, swarmHandlers(loop, fleet.claims));
    this.grpc.addService(pondhawkV1.FleetSyncService, fleet.connections.handlers());
    this.health = new HealthServer({ host: config.health.host, port: config.health.port, metrics });
    this.health.addCheck('manager', () => this.explainManager());
    this.health.addCheck('broker', () =>
      connection.isConnected ? undefined : 'not connected to NATS',
    );
    registerFleetMetrics(metrics, fleet);
    metrics.observedGauge(
      { name: 'pondhawk_scheduler_hosts', help: 'Hosts that announced themselves.' },
      () => loop.swarm.hosts.size,
    );
    metrics.observedGauge(
      { name: 'pondhawk_scheduler_tasks', help: 'Tasks in memory.' },
      () => loop.swarm.tasks.size,
    );
    metrics.observedGauge(
      { name: 'pondhawk_scheduler_peers', help: 'Peers in memory.' },
      () => loop.swarm.peers.size,
    );
  }

  async onApplicationBootstrap(): Promise<void> {
    this.loop.start();
    const grpcPort = await this.grpc.start();
    const healthPort = await this.health.start();
    const addresses = {
      grpc: `${this.config.grpc.host}:${grpcPort}`,
      health: `${this.config.health.host}:${healthPort}`,
    };
    await writeAddresses(this.config.dataDir, addresses);
    this.transport.connection.start();
    this.transport.link.start(grpcPort);
    this.transport.log.info('ready', { addresses });
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.grpc.stop(STOP_GRACE_MS);
    await this.fleet.stop();
    await this.transport.link.stop();
    this.loop.stop();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.transport.connection.close();
    await this.health.stop();
  }

  private explainManager(): string | undefined {
    try {
      this.transport.link.requireRegistration();
      return undefined;
    } catch {
      return 'not registered with the manager'; // The only thing it throws for.
    }
  }
}
