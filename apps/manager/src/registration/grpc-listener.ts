import type { BeforeApplicationShutdown } from '@nestjs/common';
import { managerV2, pondhawkV1 } from '@pondhawk/contracts';
import type { Log } from '@pondhawk/observability';
import { GrpcServer } from '@pondhawk/rpc';
import type { FleetService } from './fleet-service.js';
import type { ManagerService } from './manager-service.js';

/** How long single calls may finish at shutdown. */
export const GRPC_STOP_GRACE_MS = 5_000;

/** What the listener serves, and where. */
export interface GrpcListenerOptions {
  readonly host: string;
  readonly port: number;
  readonly manager: ManagerService;
  readonly fleet: FleetService;
  readonly log: Log;
}

/** The gRPC port of the manager: `manager.v2`, `pondhawk.v1.Fleet` and health, nothing else. */
export class GrpcListener implements BeforeApplicationShutdown {
  private server: GrpcServer | undefined; // Set between start and shutdown.

  constructor(private readonly options: GrpcListenerOptions) {}

  /** @returns the bound port. @throws ConfigError (`ADDRESS_UNUSABLE`). */
  async start(): Promise<number> {
    const { host, port, manager, fleet, log } = this.options;
    const server = new GrpcServer({
      listen: { host, port },
      onUnexpectedError: ({ error, path }) => log.error('call failed', { err: error, path }),
    });
    server.addService(managerV2.ManagerService, manager);
    server.addService(pondhawkV1.FleetService, fleet);
    this.server = server;
    return server.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.server?.stop(GRPC_STOP_GRACE_MS);
    this.server = undefined;
  }
}
