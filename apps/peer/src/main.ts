import 'reflect-metadata';
import { randomBytes } from 'node:crypto';
import { NestFactory } from '@nestjs/core';
import { configFileFromArgv, faultsFromEnv, loadConfig } from '@pondhawk/config';
import { parseIncarnation } from '@pondhawk/core';
import {
  Metrics,
  SystemClock,
  createLog,
  endOnStartFailure,
  stopOnSignals,
} from '@pondhawk/observability';
import { DataFolderLock } from '@pondhawk/storage';
import { PeerConfig } from './peer.config.js';
import { PeerModule } from './peer.module.js';

const USAGE = `Usage: pondhawk-peer --config FILE.yaml

Keeps copies of tasks on this machine, serves them to other peers and deletes them.
Settings come from the file and from variables PONDHAWK_PEER_<SECTION>_<KEY>.
`;
const VERSION = '0.1.0';

/** Runs the daemon until a signal. */
async function main(): Promise<void> {
  const { argv, env } = environment();
  const command = configFileFromArgv(argv);
  if (command.kind !== 'run') {
    process.stdout.write(command.kind === 'help' ? USAGE : `${VERSION}\n`);
    return;
  }
  const config = loadConfig(PeerConfig, {
    ...(command.file === undefined ? {} : { file: command.file }),
    env,
    envPrefix: 'PONDHAWK_PEER',
  });
  const log = createLog({ level: config.log.level, component: 'peer' });
  const incarnation = parseIncarnation(randomBytes(16).toString('hex'));
  const lock = await DataFolderLock.acquire({ directory: config.dataDir, incarnation });
  const metrics = new Metrics();
  metrics.collectDefaults();
  const app = await NestFactory.createApplicationContext(
    PeerModule.register({
      config,
      log,
      metrics,
      lock,
      incarnation,
      clock: new SystemClock(),
      faults: faultsFromEnv(env),
    }),
    { logger: false, abortOnError: false },
  );
  stopOnSignals({ stop: () => app.close(), log });
}

/** The one place of this app that looks at its surroundings. */
function environment(): { argv: string[]; env: NodeJS.ProcessEnv } {
  return { argv: process.argv.slice(2), env: process.env };
}

main().catch(endOnStartFailure('pondhawk-peer'));
