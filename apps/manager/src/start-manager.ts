import { mkdir, open, rename } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { ConfigError, PondhawkError, errnoOf, toError } from '@pondhawk/core';
import { AppModule } from './app.module.js';
import { checkConfig } from './config/check-config.js';
import { FrameworkLog } from './process-wide/framework-log.js';
import { MetricsListener } from './process-wide/metrics-listener.js';
import type { ProcessFacts } from './process-wide/process.module.js';
import { GrpcListener } from './registration/grpc-listener.js';
import { connectReportTransport } from './reports/report-transport.js';
import { closeIdleConnections } from './rest-edge/http-limits.js';
import { serveRest } from './rest-edge/rest-server.js';

/** Where a manager can be reached, as `<host>:<port>`. */
export interface ManagerAddresses {
  readonly rest: string;
  readonly grpc: string;
  readonly metrics: string;
}

/** A manager that answers. */
export interface RunningManager {
  readonly app: NestExpressApplication;
  readonly addresses: ManagerAddresses;
  /** Takes no more work, lets what is under way finish, closes everything. */
  stop(): Promise<void>;
}

/**
 * Starts a manager: ledger, broker, gRPC and metrics, and REST last. The broker may be away.
 *
 * @throws ConfigError if the settings, the data folder or an address cannot be used.
 */
export async function startManager(facts: ProcessFacts): Promise<RunningManager> {
  const { config, log } = facts;
  checkConfig(config);
  const app = await NestFactory.create<NestExpressApplication>(AppModule.of(facts), {
    bodyParser: false,
    abortOnError: false,
    logger: new FrameworkLog(log),
  });
  try {
    serveRest(app);
    connectReportTransport(app);
    closeIdleConnections(app.getHttpServer());
    await app.startAllMicroservices();
    const { grpc, metrics, rest } = config;
    const addresses = {
      grpc: `${grpc.host}:${await app.get(GrpcListener).start()}`,
      metrics: `${metrics.host}:${await app.get(MetricsListener).start()}`,
      rest: `${rest.host}:${await listen(app, rest)}`,
    };
    await writeAddresses(config.dataDir, addresses);
    log.info('ready', { addresses });
    return { app, addresses, stop: () => app.close() };
  } catch (error) {
    await app.close();
    throw error;
  }
}

async function listen(
  app: NestExpressApplication,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<number> {
  try {
    const server = await app.listen(port, host);
    return (server.address() as AddressInfo).port;
  } catch (error) {
    // Listening starts the modules first, which have their own reasons.
    if (error instanceof PondhawkError) throw error;
    throw new ConfigError(
      'ADDRESS_UNUSABLE',
      `Cannot listen on ${host}:${port} (${errnoOf(error) ?? toError(error).message}). Is the port taken, or the address not of this machine?`,
      { cause: error },
    );
  }
}

/** Readers see the old file or the whole new one. */
async function writeAddresses(dataDir: string, addresses: ManagerAddresses): Promise<void> {
  await mkdir(dataDir, { recursive: true });
  const file = join(dataDir, 'addresses.json');
  const part = await open(`${file}.part`, 'w');
  await part.writeFile(JSON.stringify({ pid: process.pid, addresses }));
  await part.sync();
  await part.close();
  await rename(`${file}.part`, file);
}
