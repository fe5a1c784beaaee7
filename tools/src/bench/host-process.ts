/** A process of many hosts: each is the whole daemon that `pondhawk-peer` runs, with its own database, files, listeners and stream. */

import 'reflect-metadata';
import { join } from 'node:path';
import { Metrics } from '@pondhawk/observability';
import { answerParent } from './bench-child.js';

/** What this process uses of a daemon that it has started. */
interface RunningHost {
  stop(): Promise<void>;
}

/** The daemon's own start, loaded by its path: apps can be imported by nobody. */
interface PeerProgram {
  readonly startPeer: (start: {
    readonly file: string;
    readonly env: object;
    readonly metrics: Metrics;
  }) => Promise<RunningHost>;
}

interface StartQuestion {
  readonly projectDir: string;
  /** Configuration files, one a host. */
  readonly files: readonly string[];
}

const running = new Map<string, RunningHost>(); // By configuration file.

async function start({ projectDir, files }: StartQuestion): Promise<void> {
  const path = join(projectDir, 'apps', 'peer', 'dist', 'start-peer.js');
  const { startPeer } = (await import(path)) as PeerProgram;
  for (const file of files) {
    running.set(file, await startPeer({ file, env: {}, metrics: new Metrics() }));
  }
}

async function stop(files: readonly string[]): Promise<void> {
  for (const file of files) {
    await running.get(file)?.stop();
    running.delete(file);
  }
}

answerParent({ start, stop }, () => stop([...running.keys()]));
