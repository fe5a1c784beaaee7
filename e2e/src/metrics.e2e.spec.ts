import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PROJECT_DIR, Stage } from './stage.js';

describe('The metrics of a cluster', () => {
  let stage: Stage;

  beforeAll(async () => {
    stage = await Stage.open({ schedulers: 1, seeds: 0, peers: 1 });
  }, 60_000);
  afterAll(async () => stage.close(), 30_000);

  /** `name kind` of what a daemon exports of its own. */
  async function exportedBy(name: string): Promise<string[]> {
    const { addresses } = stage.cluster.record(name);
    const answer = await fetch(`http://${addresses['metrics'] ?? addresses['health']}/metrics`);
    const types = (await answer.text()).matchAll(/^# TYPE (pondhawk_\w+) (\w+)$/gm);
    return [...types].map(([, metric, kind]) => `${metric} ${kind}`).sort();
  }

  it.each([
    ['manager', 'manager'],
    ['scheduler', 'scheduler-1'],
    ['peer', 'peer-1'],
  ])('of the %s are those of the documentation, with their kinds', async (daemon, name) => {
    const text = await readFile(join(PROJECT_DIR, 'docs', 'metrics.md'), 'utf8');
    const rows = text.matchAll(/^\| (\w+) +\| `(pondhawk_\w+)` +\| (\w+) +\|/gm);
    const documented = [...rows].flatMap(([, of, metric, kind]) =>
      of === daemon ? `${metric} ${kind}` : [],
    );
    expect(documented.length).toBeGreaterThan(5);
    expect(await exportedBy(name)).toEqual(documented.sort());
  });
});
