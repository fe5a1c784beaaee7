/** Prints the API's description, made from the controllers; the committed openapi.json is its output. */

import 'reflect-metadata';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NestFactory } from '@nestjs/core';
import { NoFaults, toError } from '@pondhawk/core';
import { SystemClock, createLog } from '@pondhawk/observability';
import { AppModule } from './app.module.js';
import { ManagerConfig } from './config/manager.config.js';
import { describeApi } from './openapi/api-document.js';

async function main(): Promise<void> {
  // The controllers need a ledger to be made; nothing listens and nothing is dialled.
  const dataDir = await mkdtemp(join(tmpdir(), 'pondhawk-openapi-'));
  const config = Object.assign(new ManagerConfig(), { dataDir });
  const log = createLog({ level: 'error', component: 'openapi' });
  const facts = { config, log, faults: new NoFaults(), clock: new SystemClock() };
  const app = await NestFactory.create(AppModule.of(facts), { logger: false, abortOnError: false });
  try {
    process.stdout.write(`${JSON.stringify(describeApi(app), null, 2)}\n`);
  } finally {
    await app.close();
    await rm(dataDir, { recursive: true, force: true });
  }
}

main().catch((error: unknown) => {
  process.stderr.write(`${toError(error).stack ?? ''}\n`);
  process.exitCode = 1;
});
