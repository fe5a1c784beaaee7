import { chmod, lstat, mkdir, readdir, unlink } from 'node:fs/promises';
import { connect } from 'node:net';
import { basename, dirname } from 'node:path';
import { ConfigError, errnoOf } from '@pondhawk/core';

/** Longest path of a unix socket on Linux: 108 bytes with the closing zero. */
export const SOCKET_PATH_BYTES_MAX = 107;
/** Daemon and its group may connect. */
export const SOCKET_MODE = 0o660;

const DIRECTORY_MODE_WHILE_BINDING = 0o700;
const DIRECTORY_MODE = 0o755;

/**
 * Binds a unix socket so that at no moment somebody else can connect: its folder, which holds nothing
 * else, is closed while the socket has the modes of the umask.
 *
 * @throws ConfigError `SOCKET_PATH_TOO_LONG`, `SOCKET_IN_USE` (somebody answers there),
 *   `SOCKET_PATH_TAKEN` (there is something else), `SOCKET_DIRECTORY_SHARED`, `SOCKET_UNUSABLE`.
 */
export async function bindUnixSocket(path: string, bind: () => Promise<void>): Promise<void> {
  const lengthBytes = Buffer.byteLength(path);
  if (lengthBytes > SOCKET_PATH_BYTES_MAX) {
    throw new ConfigError(
      'SOCKET_PATH_TOO_LONG',
      `Socket path ${path} has ${lengthBytes} bytes; at most ${SOCKET_PATH_BYTES_MAX} are possible. Choose a shorter one.`,
    );
  }
  try {
    await removeStale(path);
    await bindInside(dirname(path), { name: basename(path), bind, path });
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    throw new ConfigError(
      'SOCKET_UNUSABLE',
      `Cannot listen on ${path} (${errnoOf(error) ?? '?'}).`,
      {
        cause: error,
      },
    );
  }
}

async function bindInside(
  directory: string,
  { name, path, bind }: { name: string; path: string; bind: () => Promise<void> },
): Promise<void> {
  await mkdir(directory, { recursive: true, mode: DIRECTORY_MODE_WHILE_BINDING });
  const others = (await readdir(directory)).filter((entry) => entry !== name);
  if (others.length > 0) {
    throw new ConfigError(
      'SOCKET_DIRECTORY_SHARED',
      `The folder of socket ${path} holds other files (${others[0] ?? ''}). Give the socket a folder of its own.`,
    );
  }
  await chmod(directory, DIRECTORY_MODE_WHILE_BINDING);
  await bind();
  await chmod(path, SOCKET_MODE);
  await chmod(directory, DIRECTORY_MODE);
}

async function removeStale(path: string): Promise<void> {
  const found = await lstat(path).catch((error: unknown) => {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  });
  if (found === undefined) return;
  if (!found.isSocket()) {
    throw new ConfigError(
      'SOCKET_PATH_TAKEN',
      `${path} exists and is no socket. Remove it or choose another path.`,
    );
  }
  if (await answers(path)) {
    throw new ConfigError(
      'SOCKET_IN_USE',
      `Another daemon listens on ${path}. Stop it or choose another path.`,
    );
  }
  await unlink(path);
}

/** @returns false only if the connection was refused, which proves that nobody listens. */
async function answers(path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', (error) => {
      if (errnoOf(error) === 'ECONNREFUSED') resolve(false);
      else reject(error);
    });
  });
}
