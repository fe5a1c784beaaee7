/** An application to look at: its controllers are made, nothing listens and nothing is dialled. */

import 'reflect-metadata';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { INestApplication } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { NoFaults, toError } from '@pondhawk/core';
import { SystemClock, createLog } from '@pondhawk/observability';
import { AppModule } from '../app.module.js';
import { ManagerConfig } from '../config/manager.config.js';

/** Hands one to `look` and ends the process with 1 if that fails. */
export function withUnstartedApp(look: (app: INestApplication) => void): void {
  run(look).catch((error: unknown) => {
    process.stderr.write(`${toError(error).stack ?? ''}\n`);
    process.exitCode = 1;
  });
}

async function run(look: (app: INestApplication) => void): Promise<void> {
  // The controllers need a ledger to be made.
  const dataDir = await mkdtemp(join(tmpdir(), 'pondhawk-openapi-'));
  const config = Object.assign(new ManagerConfig(), { dataDir });
  const log = createLog({ level: 'error', component: 'openapi' });
  const facts = { config, log, faults: new NoFaults(), clock: new SystemClock() };
  const app = await NestFactory.create(AppModule.of(facts), { logger: false, abortOnError: false });
  try {
    look(app);
  } finally {
    await app.close();
    await rm(dataDir, { recursive: true, force: true });
  }
}
