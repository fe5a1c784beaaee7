/** Loaded into a daemon before its own code: at SIGUSR2 it collects garbage, then writes how much memory it uses to the file in BENCH_MEMORY_FILE. */

import { renameSync, writeFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

process.on('SIGUSR2', () => {
  // Twice: what finalizers let go of in the first goes in the second.
  collectGarbage();
  setImmediate(() => {
    collectGarbage();
    const file = process.env['BENCH_MEMORY_FILE'] ?? '';
    writeFileSync(`${file}.new`, JSON.stringify(process.memoryUsage()));
    renameSync(`${file}.new`, file);
  });
});
