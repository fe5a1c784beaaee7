import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { configFileFromArgv, loadConfig } from '@pondhawk/config';
import { endOnStartFailure, stopOnSignals } from '@pondhawk/observability';
import { orderStrategy } from './orders/order-strategy.js';
import { SchedulerConfig } from './scheduler.config.js';
import { SchedulerModule } from './scheduler.module.js';

const USAGE = `Usage: pondhawk-scheduler --config FILE.yaml

Keeps hosts, tasks and peers of a cluster in memory, finds parents for downloads and carries out orders.
Settings come from the file and from variables PONDHAWK_SCHEDULER_<SECTION>_<KEY>.
`;
const VERSION = '0.1.0';

async function main(): Promise<void> {
  const command = configFileFromArgv(process.argv.slice(2));
  if (command.kind !== 'run') {
    process.stdout.write(command.kind === 'help' ? USAGE : `${VERSION}\n`);
    return;
  }
  const config = loadConfig(SchedulerConfig, {
    env: process.env,
    envPrefix: 'PONDHAWK_SCHEDULER',
    ...(command.file === undefined ? {} : { file: command.file }),
  });
  const transport = orderStrategy(config);
  const app = await NestFactory.createMicroservice(SchedulerModule.of(config, transport), {
    strategy: transport.strategy,
    logger: false,
    abortOnError: false,
  });
  await app.listen();
  stopOnSignals({ stop: () => app.close(), log: transport.log });
}

main().catch(endOnStartFailure('pondhawk-scheduler'));
