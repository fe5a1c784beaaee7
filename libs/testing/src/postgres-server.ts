import { spawn } from 'node:child_process';
import { chown, readFile, realpath } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { findFreePorts } from './cluster/free-ports.js';
import { eventually } from './eventually.js';
import { makeTempDir } from './temp-dir.js';

/** A throw-away PostgreSQL on a free port of 127.0.0.1. */
export interface PostgresServer {
  /** Makes an empty database. @returns its URL. */
  createDatabase(name: string): Promise<string>;
  /** Ends the server and removes its files. */
  stop(): Promise<void>;
}

const SUPERUSER = 'pondhawk';
const START_TIMEOUT_MS = 30_000;

interface Account {
  readonly uid: number;
  readonly gid: number;
}

/**
 * Starts a server with files of its own. PostgreSQL refuses to run as root, so under root it runs
 * as the user `postgres`, else `nobody`.
 *
 * @param initdb the full path of `initdb`; the other programs lie beside what it links to.
 */
export async function startPostgres(initdb: string): Promise<PostgresServer> {
  const bin = dirname(await realpath(initdb));
  const account = process.getuid?.() === 0 ? await findAccount() : undefined;
  const folder = await makeTempDir();
  if (account !== undefined) await chown(folder.path, account.uid, account.gid);
  const data = join(folder.path, 'data');
  const initArgs = ['-D', data, '-U', SUPERUSER, '-A', 'trust', '-E', 'UTF8', '--locale=C', '-N'];
  await runToEnd(initdb, initArgs, account);

  const port = String((await findFreePorts(1))[0]);
  const server = spawn(
    join(bin, 'postgres'),
    ['-D', data, '-p', port, '-h', '127.0.0.1', '-k', '', '-c', 'max_connections=40'],
    { stdio: 'ignore', ...account },
  );
  const exited = new Promise((resolve) => server.once('exit', resolve));
  const address = ['-h', '127.0.0.1', '-p', port, '-U', SUPERUSER];
  await eventually(() => runToEnd(join(bin, 'psql'), [...address, '-c', 'select 1', 'postgres']), {
    timeoutMs: START_TIMEOUT_MS,
    intervalMs: 100,
  });
  return {
    createDatabase: async (name) => {
      await runToEnd(join(bin, 'createdb'), [...address, name]);
      return `postgres://${SUPERUSER}@127.0.0.1:${port}/${name}`;
    },
    stop: async () => {
      // SIGINT: ends sessions and shuts down cleanly, without waiting for clients to leave.
      server.kill('SIGINT');
      await exited;
      await folder.remove();
    },
  };
}

async function runToEnd(
  command: string,
  args: readonly string[],
  account?: Account,
): Promise<void> {
  const child = spawn(command, [...args], { stdio: ['ignore', 'ignore', 'pipe'], ...account });
  const errors: Buffer[] = [];
  child.stderr.on('data', (chunk: Buffer) => errors.push(chunk));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (code !== 0) throw new Error(`${command} failed: ${Buffer.concat(errors).toString().trim()}`);
}

async function findAccount(): Promise<Account> {
  const accounts = (await readFile('/etc/passwd', 'utf8'))
    .split('\n')
    .map((line) => line.split(':'));
  const found = ['postgres', 'nobody']
    .map((name) => accounts.find(([login]) => login === name))
    .find((account) => account !== undefined);
  if (found === undefined) throw new Error('No user "postgres" or "nobody" to run PostgreSQL as.');
  return { uid: Number(found[2]), gid: Number(found[3]) };
}
