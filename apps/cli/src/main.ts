import { setTimeout as sleep } from 'node:timers/promises';
import { askSecret } from './login/ask-secret.js';
import { runCli } from './program.js';

const interrupt = new AbortController();
// Once: a second Ctrl-C ends the program at once.
process.once('SIGINT', () => interrupt.abort());
process.once('SIGTERM', () => interrupt.abort());

void runCli(process.argv.slice(2), {
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  signal: interrupt.signal,
  nowMs: () => performance.now(),
  wallMs: () => Date.now(),
  askSecret: (question) => askSecret(question, { signal: interrupt.signal }),
  sleep: (delayMs, signal) => sleep(delayMs, undefined, { signal }),
}).then((exitCode) => {
  process.exitCode = exitCode;
});
