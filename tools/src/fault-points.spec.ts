import { FAULT_POINTS } from '@pondhawk/core';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const apps = join(__dirname, '..', '..', 'apps');

/** Every `reach('…')` in the sources of the daemons. */
function pointsInCode(): string[] {
  return readdirSync(apps, { recursive: true, encoding: 'utf8' })
    .filter((path) => /^\w+\/src\/.*\.ts$/.test(path) && !path.endsWith('.spec.ts'))
    .flatMap((path) => [...readFileSync(join(apps, path), 'utf8').matchAll(/reach\(\s*'([^']+)'/g)])
    .map((match) => match[1] ?? '');
}

describe('FAULT_POINTS', () => {
  it('names only places that the daemons reach', () => {
    const reached = new Set(pointsInCode());
    expect(FAULT_POINTS.filter((point) => !reached.has(point))).toEqual([]);
  });
});
