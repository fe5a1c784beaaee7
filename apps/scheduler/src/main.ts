import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { configFileFromArgv, loadConfig } from '@pondhawk/config';
import { toError } from '@pondhawk/core';
import { createLog, stopOnSignals } from '@pondhawk/observability';
import { orderStrategy } from './orders/order-strategy.js';
import { SchedulerConfig } from './scheduler.config.js';
import { SchedulerModule } from './scheduler.module.js';

const USAGE = 'usage: pondhawk-scheduler --config FILE.yaml\n';

async function main(): Promise<void> {
  const command = configFileFromArgv(process.argv.slice(2));
  if (command.kind !== 'run') {
    process.stdout.write(USAGE);
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

main().catch((thrown: unknown) => {
  createLog({ level: 'error', component: 'scheduler' }).error('cannot start', {
    err: toError(thrown),
  });
  process.exitCode = 1;
});
