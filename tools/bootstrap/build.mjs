// Step 5: compiles what runs, and not even asks the compiler when no source has changed.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { run } from './run.mjs';
import { Refusal, timed } from './say.mjs';

const CONFIG = 'tsconfig.lib.json';
const SOURCE_FOLDERS = ['src', 'bin'];
const ROOT_FILES = ['tsconfig.base.json', 'package-lock.json'];

/**
 * Compiles every app, lib and tool without its tests.
 * @param {string} root
 */
export async function build(root) {
  const projects = findProjects(root);
  const stamp = join(root, 'node_modules', '.pondhawk-built');
  const key = hashSources(root, projects);
  const complete = projects.every((dir) =>
    existsSync(join(dir, 'dist', 'tsconfig.lib.tsbuildinfo')),
  );
  if (complete && existsSync(stamp) && readFileSync(stamp, 'utf8') === key) return;
  await timed('build', `tsc -b, ${projects.length} projects`, async () => {
    const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
    const configs = projects.map((dir) => join(relative(root, dir), CONFIG));
    const code = await run(process.execPath, [tsc, '-b', ...configs], {
      cwd: root,
      stdio: ['ignore', 2, 2],
    });
    if (code !== 0) throw new Refusal(`the build ended with ${code}`, 1);
  });
  writeFileSync(stamp, key);
}

/** @param {string} root */
function findProjects(root) {
  const inside = (/** @type {string} */ parent) =>
    readdirSync(join(root, parent)).map((name) => join(root, parent, name));
  return [...inside('libs'), ...inside('apps'), join(root, 'tools')].filter((dir) =>
    existsSync(join(dir, CONFIG)),
  );
}

/**
 * @param {string} root
 * @param {readonly string[]} projects
 */
function hashSources(root, projects) {
  const files = projects.flatMap((dir) => [
    join(dir, 'package.json'),
    join(dir, CONFIG),
    ...SOURCE_FOLDERS.flatMap((folder) => filesUnder(join(dir, folder))),
  ]);
  const hash = createHash('sha256').update(process.version);
  for (const file of [...ROOT_FILES.map((name) => join(root, name)), ...files]) {
    if (file.endsWith('.spec.ts') || !existsSync(file)) continue;
    hash.update(`\0${relative(root, file)}\0`).update(readFileSync(file));
  }
  return hash.digest('hex');
}

/**
 * @param {string} dir
 * @returns {string[]}
 */
function filesUnder(dir) {
  if (!existsSync(dir)) return [];
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}
