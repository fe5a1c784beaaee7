#!/usr/bin/env node
// From a fresh clone to a running command: installs, builds, runs. Node's own modules only, because
// nothing else is there yet.
import { main } from './bootstrap/main.mjs';

process.exitCode = await main(process.argv.slice(2));
