import 'reflect-metadata';
import { configFileFromArgv } from '@pondhawk/config';
import { Metrics, endOnStartFailure, stopOnSignals } from '@pondhawk/observability';
import { startPeer } from './start-peer.js';

const USAGE = `Usage: pondhawk-peer --config FILE.yaml

Keeps copies of tasks on this machine, serves them to other peers and deletes them.
Settings come from the file and from variables PONDHAWK_PEER_<SECTION>_<KEY>.
`;
const VERSION = '0.1.0';

/** Runs the daemon until a signal. */
async function main(): Promise<void> {
  const { argv, env } = environment();
  const command = configFileFromArgv(argv);
  if (command.kind !== 'run') {
    process.stdout.write(command.kind === 'help' ? USAGE : `${VERSION}\n`);
    return;
  }
  const metrics = new Metrics();
  metrics.collectDefaults();
  const peer = await startPeer({ file: command.file, env, metrics });
  stopOnSignals({ stop: () => peer.stop(), log: peer.log });
}

/** The one place of this app that looks at its surroundings. */
function environment(): { argv: string[]; env: NodeJS.ProcessEnv } {
  return { argv: process.argv.slice(2), env: process.env };
}

main().catch(endOnStartFailure('pondhawk-peer'));
