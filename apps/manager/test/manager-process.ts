/** A manager as its own process, by the command a user has. */

import { mkdirSync, writeFileSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { DaemonProcess, eventually } from '@pondhawk/testing';
import { fleetClient } from './fleet-client.js';
import { ROOT_PASSWORD, signInAsRoot, type TestManager } from './manager-harness.js';

const BIN = join(__dirname, '..', 'bin', 'pondhawk-manager.js');
const START_TIMEOUT_MS = 30_000;
const STOP_GRACE_MS = 10_000;

/** What the process is started with. */
export interface ManagerProcessOptions {
  readonly dir: string;
  readonly natsUrl: string;
  /** As `PONDHAWK_FAULT`. */
  readonly fault?: string;
}

/** A running process and its clients. */
export interface ManagerProcess extends Pick<TestManager, 'fleet' | 'request' | 'authorization'> {
  readonly process: DaemonProcess;
  readonly logFile: string;
  readonly restUrl: string;
  stop(): Promise<void>;
}

/** Starts the command; it may end at once, so this does not wait. */
export function spawnManager({ dir, natsUrl, fault }: ManagerProcessOptions): DaemonProcess {
  const config = join(dir, 'manager.yaml');
  mkdirSync(dir, { recursive: true });
  const settings = {
    dataDir: join(dir, 'data'),
    rest: { port: 0 },
    auth: { rootPassword: ROOT_PASSWORD },
    grpc: { port: 0 },
    metrics: { port: 0 },
    nats: { url: natsUrl },
    keepAlive: { intervalMs: 60_000 },
  };
  // JSON is YAML too.
  writeFileSync(config, JSON.stringify(settings));
  return new DaemonProcess({
    name: 'manager',
    command: process.execPath,
    args: [BIN, '--config', config],
    logFile: join(dir, 'manager.log'),
    env: { NODE_ENV: 'test', PONDHAWK_FAULT: fault ?? '' },
  });
}

/** Starts the command and waits until it listens. */
export async function startManagerProcess(options: ManagerProcessOptions): Promise<ManagerProcess> {
  const file = join(options.dir, 'data', 'addresses.json');
  await rm(file, { force: true });
  const daemon = spawnManager(options);
  const { addresses } = await eventually(
    async () =>
      JSON.parse(await readFile(file, 'utf8')) as { addresses: { rest: string; grpc: string } },
    { timeoutMs: START_TIMEOUT_MS },
  );
  const fleet = fleetClient(addresses.grpc);
  return {
    process: daemon,
    logFile: join(options.dir, 'manager.log'),
    fleet,
    restUrl: `http://${addresses.rest}`,
    ...(await signInAsRoot(addresses.rest)),
    stop: async () => {
      fleet.close();
      await daemon.stop(STOP_GRACE_MS);
    },
  };
}
