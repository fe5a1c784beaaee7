/** `npm run up`: a cluster on this machine until Ctrl-C. */

import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { toError } from '@pondhawk/core';
import { LocalCluster, type ClusterRecord } from '@pondhawk/testing';
import { listenForRestarts, RESTART_SOCKET } from './restart-line.js';

const USAGE = `usage: npm run up -- [--schedulers 2] [--seeds 1] [--peers 3] [--dir DIR] [--json]
       npm run up -- --dir DIR --restart NAME
`;
const EXIT_USAGE = 2;
const COUNT_MAX = 50;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      schedulers: { type: 'string', default: '2' },
      seeds: { type: 'string', default: '1' },
      peers: { type: 'string', default: '3' },
      dir: { type: 'string', default: '.tmp/cluster' },
      json: { type: 'boolean', default: false },
      restart: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  const dir = resolve(values.dir);
  if (values.restart !== undefined) return askForRestart(dir, values.restart);
  const cluster = new LocalCluster({
    dir,
    schedulers: parseCount('schedulers', values.schedulers, 1),
    seeds: parseCount('seeds', values.seeds, 0),
    peers: parseCount('peers', values.peers, 0),
    projectDir: resolve(__dirname, '..', '..'),
  });
  const asked = new Promise<void>((stop) => {
    process.on('SIGINT', () => stop());
    process.on('SIGTERM', () => stop());
  });
  const starting = cluster.start();
  const record = await Promise.race([starting, asked.then(() => undefined)]);
  if (record !== undefined) {
    process.stdout.write(values.json ? `${JSON.stringify(record)}\n` : table(record, dir));
    const line = await listenForRestarts(dir, async (name) => cluster.restart(name));
    await asked;
    await line.close();
  }
  await starting.catch(() => undefined); // What failed has been stopped already.
  await cluster.stop();
  return 0;
}

function parseCount(name: string, raw: string, min: number): number {
  const count = Number(raw);
  if (!/^\d+$/.test(raw) || count < min || count > COUNT_MAX) {
    throw new Error(`--${name} must be a whole number from ${min} to ${COUNT_MAX}.`);
  }
  return count;
}

async function askForRestart(dir: string, name: string): Promise<number> {
  await readFile(join(dir, 'cluster.json')).catch(() => {
    throw new Error(
      `No cluster runs in ${dir}: it has no cluster.json. Start one: npm run up -- --dir ${dir}`,
    );
  });
  const answer = await new Promise<string>((done, failed) => {
    const socket = connect(join(dir, RESTART_SOCKET), () => socket.end(`${name}\n`));
    let text = '';
    socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
    socket.once('end', () => done(text));
    socket.once('error', () => failed(new Error(`No cluster runs in ${dir} at the moment.`)));
  });
  process.stdout.write(answer);
  return answer.startsWith('error') ? 1 : 0;
}

function table(record: ClusterRecord, dir: string): string {
  const rows = record.processes.map((p) => {
    const addresses = Object.entries(p.addresses).map(([key, value]) => `${key}=${value}`);
    return `${p.name.padEnd(13)}${String(p.pid).padEnd(9)}${addresses.join('  ')}`;
  });
  return [
    `${'name'.padEnd(13)}${'pid'.padEnd(9)}addresses`,
    ...rows,
    '',
    `manager ${record.manager.url}   folder ${dir}   Ctrl-C ends it`,
    `to call it: export PONDHAWK_MANAGER=${record.manager.url} PONDHAWK_TOKEN=${record.manager.token}`,
    `the password of root is in ${join(dir, 'cluster.json')}`,
    '',
  ].join('\n');
}

main().then(
  (code) => {
    process.exitCode = code;
  },
  (thrown: unknown) => {
    const error = toError(thrown);
    const cause = error.cause instanceof Error ? `\n  because: ${error.cause.message}` : '';
    process.stderr.write(`up: ${error.message}${cause}\n`);
    process.exitCode =
      'code' in error && error.code === 'ERR_PARSE_ARGS_UNKNOWN_OPTION' ? EXIT_USAGE : 1;
  },
);
