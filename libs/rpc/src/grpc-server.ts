import { Server, ServerCredentials, type UntypedServiceImplementation } from '@grpc/grpc-js';
import { ConfigError, UnavailableError, toError } from '@pondhawk/core';
import { HealthService, HealthStatuses } from './health-service.js';
import { CHANNEL_OPTIONS, REQUEST_BYTES_MAX } from './limits.js';
import { adaptMethod, type AnyHandler, type CallRegistry } from './method-adapter.js';
import type { OpenCall } from './open-call.js';
import type { ServiceDefinition, ServiceHandlers } from './service-handlers.js';
import { bindUnixSocket } from './unix-socket.js';

/** Where a listener binds; port 0 for a free one. */
export type ListenAddress =
  { readonly host: string; readonly port: number } | { readonly socketPath: string };

/** A call that failed with an error that is not ours. */
export interface UnexpectedCallError {
  readonly error: Error;
  /** As `/pondhawk.v1.Swarm/WatchPieces`. */
  readonly path: string;
}

/** How a listener behaves. */
export interface GrpcServerOptions {
  readonly listen: ListenAddress;
  /** For the log: each is a bug of ours. */
  readonly onUnexpectedError: (failure: UnexpectedCallError) => void;
  /** Larger requests end their call with RESOURCE_EXHAUSTED, before a handler sees them. */
  readonly requestBytesMax?: number;
}

/**
 * One gRPC listener with an explicit list of services, plus grpc.health.v1.
 *
 * Life: services are added, `start` binds, `stop` ends it for good. While stopping, streams end at
 * once with UNAVAILABLE (their clients look for another daemon), single calls may finish, and what
 * is left after the grace time is cut.
 */
export class GrpcServer {
  /** What the health service tells; services added are serving from the start. */
  readonly health = new HealthStatuses();
  private readonly server: Server;
  private readonly streams = new Set<OpenCall>(); // Open calls with a stream in either direction.
  private isStopping = false;

  constructor(private readonly options: GrpcServerOptions) {
    this.server = new Server({
      ...CHANNEL_OPTIONS,
      'grpc.max_receive_message_length': options.requestBytesMax ?? REQUEST_BYTES_MAX,
    });
  }

  /** Serves a service here. Only before `start`. */
  addService<S extends ServiceDefinition>(definition: S, handlers: ServiceHandlers<S>): void {
    const implementation: UntypedServiceImplementation = {};
    for (const [name, method] of Object.entries(definition)) {
      const handler = (handlers as Readonly<Record<string, AnyHandler>>)[name];
      if (handler === undefined) throw new TypeError(`No handler for ${method.path}.`);
      implementation[name] = adaptMethod(method, handler.bind(handlers), this.registry());
      this.health.set(method.path.split('/')[1] ?? '', true);
    }
    this.server.addService(definition, implementation);
  }

  /**
   * Binds and begins to answer.
   *
   * @returns the bound port; 0 for a unix socket.
   * @throws ConfigError (`ADDRESS_UNUSABLE`) if the port cannot be bound, or what `bindUnixSocket` throws.
   */
  async start(): Promise<number> {
    const { listen } = this.options;
    this.addService(HealthService, this.health.handlers());
    this.health.set('', true);
    if ('socketPath' in listen) {
      const { socketPath } = listen;
      await bindUnixSocket(socketPath, async () => {
        await this.bind(`unix:${socketPath}`);
      });
      return 0;
    }
    const address = `${listen.host.includes(':') ? `[${listen.host}]` : listen.host}:${listen.port}`;
    try {
      return await this.bind(address);
    } catch (error) {
      throw new ConfigError(
        'ADDRESS_UNUSABLE',
        `Cannot listen on ${address}: ${toError(error).message}. Is the port taken, or the address not of this machine?`,
        { cause: error },
      );
    }
  }

  /** Takes no new calls, ends streams with UNAVAILABLE, waits for single calls, at most `graceMs`. */
  async stop(graceMs: number): Promise<void> {
    if (this.isStopping) return;
    this.isStopping = true;
    this.health.setAllNotServing();
    for (const call of [...this.streams]) call.abort(stopping());
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => {
        this.server.forceShutdown();
        resolve();
      }, graceMs);
      this.server.tryShutdown(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  private async bind(address: string): Promise<number> {
    return new Promise((resolve, reject) => {
      this.server.bindAsync(address, ServerCredentials.createInsecure(), (error, port) => {
        if (error === null) resolve(port);
        else reject(error);
      });
    });
  }

  private registry(): CallRegistry {
    return {
      opened: (call, isStream) => {
        if (!isStream) return;
        this.streams.add(call);
        // A stream that arrives on an old connection while stopping would never end by itself.
        if (this.isStopping) queueMicrotask(() => call.abort(stopping()));
      },
      settled: (call) => this.streams.delete(call),
      failedUnexpectedly: (error, path) => this.options.onUnexpectedError({ error, path }),
    };
  }
}

function stopping(): UnavailableError {
  return new UnavailableError('SERVER_STOPPING', 'This daemon is stopping; ask another.');
}
