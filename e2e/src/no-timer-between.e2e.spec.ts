import { Stage } from './stage.js';

const HOUR_MS = 3_600_000;
const DELETES = 50;
/** A single wait for any of the intervals would take longer, and so would 50 waits of a tenth of a second. */
const ALL_MS_MAX = 5_000;
/** A timer would lengthen each round; a machine that is busy with something else only some. */
const ROUNDS_MAX = 4;

describe('A cluster whose every interval is an hour', () => {
  let stage: Stage;

  beforeAll(async () => {
    const keepAlive = { intervalMs: HOUR_MS };
    stage = await Stage.open({
      ...{ schedulers: 2, seeds: 0, peers: 3 },
      overrides: {
        manager: { keepAlive },
        scheduler: { keepAlive },
        peer: { announce: { intervalMs: HOUR_MS }, gc: { intervalMs: HOUR_MS } },
      },
    });
  }, 60_000);
  afterAll(async () => stage.close(), 30_000);

  it('ends 50 deletes one after another in a moment: each ends with the last answer', async () => {
    const tookMs: number[] = [];
    while (tookMs.length < ROUNDS_MAX && Math.min(...tookMs) >= ALL_MS_MAX) {
      tookMs.push(await deleteAll());
    }
    expect(Math.min(...tookMs)).toBeLessThan(ALL_MS_MAX);
    for (const host of stage.hosts) expect(await stage.filesOf(host)).toEqual([]);
  }, 120_000);

  /** @returns how long 50 deletes took, ms. */
  async function deleteAll(): Promise<number> {
    const contents = Array.from({ length: DELETES }, () => stage.serve(1_000));
    await Promise.all(
      stage.hosts.map(async ({ name }) => {
        for (const { url } of contents.slice(0, 3)) await stage.get(name, url);
      }),
    );
    const startedAt = performance.now();
    for (const [index, { url }] of contents.entries()) {
      const job = await stage.runJob({ type: 'delete_task', args: { url } });
      expect([job.state, job.result.counts]).toEqual([
        'SUCCESS',
        expect.objectContaining({ targets: 3, deleted: index < 3 ? 3 : 0 }),
      ]);
    }
    return performance.now() - startedAt;
  }
});
