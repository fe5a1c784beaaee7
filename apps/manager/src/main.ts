import 'reflect-metadata';
import { argv, env } from 'node:process';
import { faultsFromEnv, loadConfig } from '@pondhawk/config';
import { SystemClock, createLog, endOnStartFailure, stopOnSignals } from '@pondhawk/observability';
import { ManagerConfig } from './config/manager.config.js';
import { backUpLedger, restoreLedger } from './ledger-copies/index.js';
import { managerCommandFromArgv } from './manager-command.js';
import { startManager } from './start-manager.js';

const USAGE = `Usage: pondhawk-manager [--config FILE.yaml]
       pondhawk-manager backup FILE [--config FILE.yaml]
       pondhawk-manager restore FILE [--config FILE.yaml]

Runs the manager: REST, gRPC for schedulers and peers, metrics. Every key of the file can be set by
an environment variable, such as PONDHAWK_MANAGER_REST_PORT. Stops on SIGTERM and SIGINT; a second
signal ends it at once.

backup   writes the ledger into a new file, also while the manager runs.
restore  puts a backup in the place of the ledger; the manager must not run. At its next start every
         host drops what it holds, because it may have applied purges that the backup does not know.
`;

async function main(): Promise<void> {
  const command = managerCommandFromArgv(argv.slice(2));
  if (command.kind === 'help' || command.kind === 'version') {
    process.stdout.write(command.kind === 'help' ? USAGE : 'pondhawk-manager 0.1.0\n');
    return;
  }
  const config = loadConfig(ManagerConfig, {
    ...(command.file === undefined ? {} : { file: command.file }),
    env,
    envPrefix: 'PONDHAWK_MANAGER',
  });
  if (command.kind === 'backup') {
    const bytes = await backUpLedger(config, command.copy);
    process.stdout.write(`The ledger is in ${command.copy} (${bytes} bytes).\n`);
    return;
  }
  if (command.kind === 'restore') {
    const { formerPath, epoch } = await restoreLedger(config, command.copy, {
      clock: new SystemClock(),
      faults: faultsFromEnv(),
    });
    const former =
      formerPath === undefined ? 'There was none before' : `That of before is ${formerPath}`;
    process.stdout.write(
      `The ledger is that of ${command.copy}. ${former}. The purge logs have the new epoch ${epoch}: once the manager runs, every host drops what it holds.\n`,
    );
    return;
  }
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
