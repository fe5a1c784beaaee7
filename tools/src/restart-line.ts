/** The line on which a running cluster is asked to start a process again. */

import { rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { toError } from '@pondhawk/core';
import type { ProcessRecord } from '@pondhawk/testing';

/** Name of the unix socket in the cluster's folder. */
export const RESTART_SOCKET = 'up.sock';

/** Answers each line (a process's name) with its record, or `error: …`, until closed. */
export async function listenForRestarts(
  dir: string,
  restart: (name: string) => Promise<ProcessRecord>,
): Promise<{ close(): Promise<void> }> {
  const path = join(dir, RESTART_SOCKET);
  await rm(path, { force: true });
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => socket.destroy());
    createInterface(socket).once('line', (name) => {
      restart(name).then(
        (record) => socket.end(`${JSON.stringify(record)}\n`),
        (thrown: unknown) => socket.end(`error: ${toError(thrown).message}\n`),
      );
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });
  return { close: () => new Promise((resolve) => server.close(() => resolve())) };
}
