import { cutAfterKills, cutRandomWork, cutWork } from './disk/scenarios.js';
import { CONTROLS, CONTROLS_AFTER_KILL, CONTROLS_AT_ONCE } from './disk/weaknesses.js';

const TIMEOUT_MS = 120_000;
const SEEDS = 8;
/** A control is mostly found within the first five. */
const CONTROL_SEEDS = 60;

describe('A power cut', () => {
  it(
    'at any moment leaves nothing that was deleted, breaks nothing that is complete, and the rest is mended',
    async () => {
      const { violations, moments, states } = await cutWork();
      expect(violations).toEqual([]);
      expect(moments).toBeGreaterThan(150);
      expect(states).toBeGreaterThan(800);
    },
    TIMEOUT_MS,
  );

  it(
    'after a process that was killed takes nothing back that the next one has reported',
    async () => {
      const { violations, states } = await cutAfterKills();
      expect(violations).toEqual([]);
      expect(states).toBeGreaterThan(500);
    },
    TIMEOUT_MS,
  );

  it(
    'while fills, purges and collections run at once does no more',
    async () => {
      const { violations, states } = await cutRandomWork({ seeds: SEEDS });
      expect(violations).toEqual([]);
      expect(states).toBeGreaterThan(500);
    },
    TIMEOUT_MS,
  );

  it.each(CONTROLS)(
    'breaks $breaks when $name',
    async ({ weakness, breaks }) => {
      const { violations } = await cutWork({ weakness, until: breaks });
      expect(violations.map(({ guarantee }) => guarantee)).toContain(breaks);
    },
    TIMEOUT_MS,
  );

  it.each(CONTROLS_AFTER_KILL)(
    'after a kill breaks $breaks when $name',
    async ({ weakness, breaks }) => {
      const { violations } = await cutAfterKills({ weakness, until: breaks });
      expect(violations.map(({ guarantee }) => guarantee)).toContain(breaks);
    },
    TIMEOUT_MS,
  );

  it.each(CONTROLS_AT_ONCE)(
    'while much is done at once breaks $breaks when $name',
    async ({ weakness, breaks }) => {
      const { violations } = await cutRandomWork({
        seeds: CONTROL_SEEDS,
        weakness,
        until: breaks,
      });
      expect(violations.map(({ guarantee }) => guarantee)).toContain(breaks);
    },
    TIMEOUT_MS,
  );
});
