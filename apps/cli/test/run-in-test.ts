/** Runs command lines inside the test, with outputs that are kept. */

import { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { runCli } from '../src/program.js';

/** What a command line gave. */
export interface CliRun {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

class Sink extends Writable {
  text = '';

  constructor(readonly isTTY: boolean) {
    super();
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}

/** Runs one command line to its end. */
export async function run(
  argv: readonly string[],
  options: {
    readonly env?: Readonly<Record<string, string>>;
    readonly signal?: AbortSignal;
    readonly isTTY?: boolean;
    /** What a person types when asked. */
    readonly secret?: string;
  } = {},
): Promise<CliRun> {
  const stdout = new Sink(options.isTTY === true);
  const stderr = new Sink(options.isTTY === true);
  const exitCode = await runCli(argv, {
    stdout,
    stderr,
    env: options.env ?? {},
    signal: options.signal ?? new AbortController().signal,
    nowMs: () => performance.now(),
    wallMs: () => 1_760_000_000_000,
    askSecret: () => Promise.resolve(options.secret ?? ''),
    sleep: (delayMs, signal) => sleep(delayMs, undefined, { signal }),
  });
  return { exitCode, stdout: stdout.text, stderr: stderr.text };
}
