/** The way to the peer daemon of this machine. */

import { connect } from 'node:net';
import { errnoOf, toError } from '@pondhawk/core';
import { createClient, type Client } from '@pondhawk/rpc';
import type { CliContext } from '../context.js';
import { CliError, ExitCode } from '../exit-code.js';

/** Where a daemon listens unless told otherwise. */
export const DEFAULT_SOCKET_PATH = '/run/pondhawk/peer.sock';

/** The socket's path: the option, PONDHAWK_SOCKET, else the default. */
export function socketPathOf(context: CliContext, option: string | undefined): string {
  return option ?? (context.env['PONDHAWK_SOCKET'] || DEFAULT_SOCKET_PATH);
}

/**
 * Runs `action` with a channel to the daemon, closed afterwards.
 *
 * @throws CliError (`DAEMON_NOT_RUNNING`, `SOCKET_NOT_ALLOWED`) with what to do, before anything is asked.
 */
export async function withDaemon<T>(
  socketPath: string,
  action: (client: Client) => Promise<T>,
): Promise<T> {
  await probe(socketPath);
  const client = createClient(`unix:${socketPath}`);
  try {
    return await action(client);
  } finally {
    client.close();
  }
}

async function probe(socketPath: string): Promise<void> {
  try {
    await new Promise<void>((resolve, reject) => {
      const socket = connect(socketPath);
      socket.once('connect', () => {
        socket.destroy();
        resolve();
      });
      socket.once('error', reject);
    });
  } catch (error) {
    throw notReached(socketPath, toError(error));
  }
}

function notReached(socketPath: string, error: Error): CliError {
  const errno = errnoOf(error) ?? error.message;
  if (errno === 'EACCES' || errno === 'EPERM') {
    return new CliError('SOCKET_NOT_ALLOWED', `You may not use the socket ${socketPath}.`, {
      exitCode: ExitCode.Unreachable,
      hint: 'Run as the user of the daemon, or as a member of its group.',
      cause: error,
    });
  }
  return new CliError('DAEMON_NOT_RUNNING', `No peer daemon listens on ${socketPath} (${errno}).`, {
    exitCode: ExitCode.Unreachable,
    hint: 'Start it with: pondhawk-peer --config FILE. If it listens elsewhere, name its socket with --socket or PONDHAWK_SOCKET.',
    cause: error,
  });
}
