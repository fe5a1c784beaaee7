'use strict';

// Writes src/gen from /proto, and the types of the manager's REST API from its description. With --check: into a temporary folder, compared with what is committed; exit 1 when they differ.

const { execFileSync, spawnSync } = require('node:child_process');
const { mkdtempSync, readFileSync, rmSync, writeFileSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { join } = require('node:path');

const root = join(__dirname, '..', '..');
const gen = join(__dirname, 'src', 'gen');
const buf = join(root, 'node_modules', '.bin', 'buf');
const FIX = 'npm run gen -w libs/contracts';

/** Generates into `out`. Paths in the template are relative to /proto, so it is rewritten with absolute ones. */
function generate(out) {
  const work = mkdtempSync(join(tmpdir(), 'pondhawk-gen-'));
  try {
    const plugin = join(root, 'node_modules', '.bin', 'protoc-gen-ts_proto');
    const template = readFileSync(join(root, 'proto', 'buf.gen.yaml'), 'utf8')
      .replace(/local: .*/, `local: ${JSON.stringify(plugin)}`)
      .replace(/out: .*/, `out: ${JSON.stringify(out)}`);
    const path = join(work, 'buf.gen.yaml');
    writeFileSync(path, template);
    execFileSync(buf, ['generate', '--template', path], {
      cwd: join(root, 'proto'),
      stdio: 'inherit',
    });
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  const typescript = join(root, 'node_modules', '.bin', 'openapi-typescript');
  const description = join(root, 'apps', 'manager', 'openapi.json');
  // Its own lines about what it did would be taken for ours.
  // A field with a default may be left out of a body.
  const flags = ['--default-non-nullable', 'false'];
  const options = { stdio: ['ignore', 'ignore', 'inherit'] };
  execFileSync(
    typescript,
    [description, ...flags, '--output', join(out, 'manager-api.ts')],
    options,
  );
}

if (process.argv.includes('--check')) {
  const fresh = mkdtempSync(join(tmpdir(), 'pondhawk-gen-check-'));
  try {
    execFileSync(buf, ['lint'], { cwd: join(root, 'proto'), stdio: 'inherit' });
    generate(fresh);
    const diff = spawnSync('diff', ['-ru', gen, fresh], { stdio: 'inherit' });
    if (diff.status !== 0) {
      process.stderr.write(
        `\nlibs/contracts/src/gen is not what /proto and openapi.json say. Run: ${FIX}\n`,
      );
      process.exitCode = 1;
    }
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
} else {
  rmSync(gen, { recursive: true, force: true });
  generate(gen);
}
