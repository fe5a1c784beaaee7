// Says whether the committed generated code is what the .proto files give.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from './run.mjs';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const contracts = join(root, 'libs', 'contracts');
const committed = join(contracts, 'src', 'gen');

/** @param {string} dir */
function filesUnder(dir) {
  if (!existsSync(dir)) return [];
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(dir, join(entry.parentPath, entry.name)));
}

const fresh = mkdtempSync(join(tmpdir(), 'pondhawk-gen-'));
try {
  const script =
    JSON.parse(readFileSync(join(contracts, 'package.json'), 'utf8')).scripts?.gen ?? '';
  const [program, ...words] = script.split(/\s+/);
  if (program !== 'buf') throw new Error(`libs/contracts: "gen" is not a call of buf: ${script}`);
  const bin = join(root, 'node_modules', '.bin');
  const code = await run(join(bin, 'buf'), [...words, '--output', fresh], {
    cwd: contracts,
    env: { ...process.env, PATH: `${bin}:${process.env['PATH'] ?? ''}` },
  });
  if (code !== 0) throw new Error(`buf ended with ${code}`);
  const made = join(fresh, 'src', 'gen');
  const names = new Set([...filesUnder(made), ...filesUnder(committed)]);
  if (filesUnder(made).length === 0) throw new Error('buf wrote nothing into src/gen');
  const read = (/** @type {string} */ path) => (existsSync(path) ? readFileSync(path, 'utf8') : '');
  const stale = [...names].filter((name) => read(join(made, name)) !== read(join(committed, name)));
  for (const name of stale) console.error(`stale: libs/contracts/src/gen/${name}`);
  if (stale.length > 0) {
    console.error('run: npm run gen -w libs/contracts');
    process.exitCode = 1;
  }
} finally {
  rmSync(fresh, { recursive: true, force: true });
}
