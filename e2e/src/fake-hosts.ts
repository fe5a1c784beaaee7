/** Hosts of another make: they announce themselves, and count who asks them to delete. */

import { setTimeout as sleep } from 'node:timers/promises';
import { commonV2, dfdaemonV2, Empty, schedulerV2 } from '@pondhawk/contracts';
import { NotFoundError } from '@pondhawk/core';
import { callUnary, createClient, GrpcServer, type ServiceHandlers } from '@pondhawk/rpc';

const ANNOUNCE_TIMEOUT_MS = 5_000;
/** Longer than any test, so that one announcement lasts. */
const ANNOUNCE_INTERVAL_SECONDS = 300n;

/** How many hosts there are, and how they behave. */
export interface FakeHostsOptions {
  readonly count: number;
  /** gRPC addresses of the schedulers they announce themselves to. */
  readonly schedulers: readonly string[];
  /** Where they say that pieces are; absent: nowhere but at their gRPC port. */
  readonly downloadPort?: number;
}

/** Each is a gRPC server of its own; all live from `start` to `stop`. */
export class FakeHosts {
  /** How long a DeleteTask takes. */
  deleteTakesMs = 0;
  private servers: GrpcServer[] = [];
  private open = 0;
  private openMost = 0;
  private called: string[] = [];

  /** Starts the hosts and announces each to every scheduler. */
  static async start({ count, schedulers, downloadPort }: FakeHostsOptions): Promise<FakeHosts> {
    const hosts = new FakeHosts();
    const names = Array.from({ length: count }, (_, index) => `fake-${index + 1}`);
    for (const name of names) {
      const port = await hosts.listen(name);
      for (const scheduler of schedulers) {
        await announce(scheduler, { name, port, downloadPort: downloadPort ?? port });
      }
    }
    return hosts;
  }

  /** Ends every server. */
  async stop(): Promise<void> {
    await Promise.all(this.servers.map((server) => server.stop(0)));
    this.servers = [];
  }

  /** Names of the hosts called since the last time this was asked, and the most calls open at once. */
  takeCalls(): { called: string[]; openMost: number } {
    const calls = { called: this.called.sort(), openMost: this.openMost };
    this.called = [];
    this.openMost = 0;
    return calls;
  }

  private async listen(name: string): Promise<number> {
    const server = new GrpcServer({
      listen: { host: '127.0.0.1', port: 0 },
      onUnexpectedError: ({ error }) => {
        throw error;
      },
    });
    server.addService(dfdaemonV2.DfdaemonUploadService, this.handlersOf(name));
    this.servers.push(server);
    return server.start();
  }

  /** Little but deletion; the other methods are missing, as in an older daemon. */
  private handlersOf(name: string): ServiceHandlers<typeof dfdaemonV2.DfdaemonUploadService> {
    const missing = Object.fromEntries(
      Object.keys(dfdaemonV2.DfdaemonUploadService).map((method) => [
        method,
        async () => Promise.reject(new Error(`${method} is not there.`)),
      ]),
    ) as unknown as ServiceHandlers<typeof dfdaemonV2.DfdaemonUploadService>;
    return { ...missing, syncPieces: tellNothing, deleteTask: async () => this.deleteTask(name) };
  }

  private async deleteTask(name: string): Promise<Empty> {
    this.called.push(name);
    this.open += 1;
    this.openMost = Math.max(this.openMost, this.open);
    await sleep(this.deleteTakesMs);
    this.open -= 1;
    return Empty.create();
  }
}

/** It holds nothing of any task, as it says. */
async function* tellNothing(): AsyncGenerator<dfdaemonV2.SyncPiecesResponse> {
  yield* [];
  await Promise.reject(new NotFoundError('TASK_NOT_FOUND', 'Nothing of the task is here.'));
}

async function announce(
  scheduler: string,
  { name, port, downloadPort }: { name: string; port: number; downloadPort: number },
): Promise<void> {
  const client = createClient(scheduler);
  try {
    const host = commonV2.Host.fromPartial({
      id: `127.0.0.1-${name}`,
      hostname: name,
      ip: '127.0.0.1',
      port,
      downloadPort,
      os: 'linux',
    });
    const interval = { seconds: ANNOUNCE_INTERVAL_SECONDS, nanos: 0 };
    await callUnary(
      client,
      schedulerV2.SchedulerService.announceHost,
      schedulerV2.AnnounceHostRequest.fromPartial({ host, interval }),
      { timeoutMs: ANNOUNCE_TIMEOUT_MS },
    );
  } finally {
    client.close();
  }
}
