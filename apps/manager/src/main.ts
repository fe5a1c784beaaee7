import 'reflect-metadata';
import { argv, env } from 'node:process';
import { configFileFromArgv, faultsFromEnv, loadConfig } from '@pondhawk/config';
import { SystemClock, createLog, endOnStartFailure, stopOnSignals } from '@pondhawk/observability';
import { ManagerConfig } from './config/manager.config.js';
import { startManager } from './start-manager.js';

const USAGE = `Usage: pondhawk-manager --config FILE.yaml

Runs the manager: REST, gRPC for schedulers and peers, metrics. Every key of the file can be set by
an environment variable, such as PONDHAWK_MANAGER_REST_PORT. Stops on SIGTERM and SIGINT; a second
signal ends it at once.
`;

async function main(): Promise<void> {
  const command = configFileFromArgv(argv.slice(2));
  if (command.kind !== 'run') {
    process.stdout.write(command.kind === 'help' ? USAGE : 'pondhawk-manager 0.1.0\n');
    return;
  }
  const config = loadConfig(ManagerConfig, {
    ...(command.file === undefined ? {} : { file: command.file }),
    env,
    envPrefix: 'PONDHAWK_MANAGER',
  });
  const log = createLog({ level: config.log.level, component: 'manager' });
  const manager = await startManager({
    config,
    log,
    faults: faultsFromEnv(),
    clock: new SystemClock(),
  });
  stopOnSignals({ stop: () => manager.stop(), log });
}

main().catch(endOnStartFailure('pondhawk-manager'));
