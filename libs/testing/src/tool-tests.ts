import { accessSync, constants, existsSync, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Programs that some tests start and that not every machine has. */
export type Tool = 'nats-server' | 'initdb' | 'curl' | 'aria2c' | 'ip';

/** Debian keeps servers where an ordinary user's PATH does not look. */
const SBIN = ['/usr/local/sbin', '/usr/sbin', '/sbin'];
const POSTGRESQL_DIR = '/usr/lib/postgresql';

/** Full path of a program, or undefined when this machine does not have it. */
export function findTool(tool: Tool): string | undefined {
  const named = tool === 'nats-server' ? process.env['PONDHAWK_NATS_SERVER'] : undefined;
  if (named !== undefined && named !== '') return isExecutable(named) ? named : undefined;
  const folders = [...(process.env['PATH'] ?? '').split(delimiter).filter(Boolean), ...SBIN];
  if (tool === 'initdb' && existsSync(POSTGRESQL_DIR)) {
    folders.push(...readdirSync(POSTGRESQL_DIR).map((name) => join(POSTGRESQL_DIR, name, 'bin')));
  }
  return folders.map((dir) => join(dir, tool)).find(isExecutable);
}

/**
 * Tests that start a program. Where it is missing they are skipped under a name that says so; with
 * `CI` set that is a failure, so that a machine cannot quietly test less.
 */
export function describeWithTool(tool: Tool, name: string, tests: (path: string) => void): void {
  const path = findTool(tool);
  if (path !== undefined) {
    describe(name, () => tests(path));
    return;
  }
  const words = `${name}: ${tool} is missing`;
  const ci = process.env['CI'];
  if (ci === undefined || ci === '' || ci === 'false') {
    it.skip(words, () => undefined);
    return;
  }
  it(words, () => {
    throw new Error(`${tool} is needed: npm test as root on Debian installs it`);
  });
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
