import { randomBytes } from 'node:crypto';
import { NestFactory } from '@nestjs/core';
import { faultsFromEnv, loadConfig } from '@pondhawk/config';
import { parseIncarnation } from '@pondhawk/core';
import {
  type Log,
  type Metrics,
  SystemClock,
  SystemLeaseClocks,
  createLog,
} from '@pondhawk/observability';
import { DataFolderLock } from '@pondhawk/storage';
import { PeerConfig } from './peer.config.js';
import { PeerModule } from './peer.module.js';

/** What a daemon is started with. */
export interface PeerStart {
  /** Its settings; without a file they are all from `env`. */
  readonly file?: string | undefined;
  readonly env: NodeJS.ProcessEnv;
  readonly metrics: Metrics;
}

/** A daemon that is ready. */
export interface RunningPeer {
  readonly log: Log;
  /** Stops everything in order. */
  stop(): Promise<void>;
}

/**
 * Starts one daemon in this process; resolves when it is ready.
 *
 * @throws ConfigError if the settings, the data folder or an address cannot be used.
 */
export async function startPeer({ file, env, metrics }: PeerStart): Promise<RunningPeer> {
  const config = loadConfig(PeerConfig, {
    ...(file === undefined ? {} : { file }),
    env,
    envPrefix: 'PONDHAWK_PEER',
  });
  const log = createLog({ level: config.log.level, component: 'peer' });
  const incarnation = parseIncarnation(randomBytes(16).toString('hex'));
  const lock = await DataFolderLock.acquire({ directory: config.dataDir, incarnation });
  const clock = new SystemClock();
  const clocks = new SystemLeaseClocks();
  const faults = faultsFromEnv(env);
  const app = await NestFactory.createApplicationContext(
    PeerModule.register({ config, log, metrics, lock, incarnation, clock, clocks, faults }),
    { logger: false, abortOnError: false },
  );
  return {
    log,
    stop: async () => {
      await app.close();
      clocks.close();
    },
  };
}
