import { interleave, median, quantile, rotated } from './statistics.js';

describe('quantile', () => {
  it('is the value below or at which that share of all lies', () => {
    const values = Array.from({ length: 200 }, (_, index) => 200 - index);
    expect([0, 0.5, 0.99, 1].map((share) => quantile(values, share))).toEqual([1, 100, 198, 200]);
  });

  it('is NaN without values', () => {
    expect(quantile([], 0.5)).toBeNaN();
  });
});

describe('median', () => {
  it('is the middle value whatever the order', () => {
    expect(median([9, 1, 5])).toBe(5);
  });

  it('is the mean of the two middle values of an even number', () => {
    expect(median([10, 1, 2, 4])).toBe(3);
  });

  it('is no number without values, so that nothing passes a goal by it', () => {
    expect(median([])).toBeNaN();
  });

  it('leaves its argument as it is', () => {
    const values = [3, 1, 2];
    median(values);
    expect(values).toEqual([3, 1, 2]);
  });
});

describe('rotated', () => {
  it('lets each side begin in turn', () => {
    expect([0, 1, 2, 3].map((round) => rotated(['a', 'b', 'c'], round).join(''))).toEqual([
      'abc',
      'bca',
      'cab',
      'abc',
    ]);
  });
});

describe('interleave', () => {
  it('runs all sides in each round and leaves out the dropped rounds', async () => {
    const order: string[] = [];
    const side = (name: string): { name: string; run: (round: number) => Promise<number> } => ({
      name,
      run: (round) => {
        order.push(`${name}${round}`);
        return Promise.resolve(round);
      },
    });
    const told: number[] = [];
    const kept = await interleave([side('a'), side('b')], { count: 3, dropped: 1 }, (round) =>
      told.push(round),
    );
    expect(order).toEqual(['a0', 'b0', 'b1', 'a1', 'a2', 'b2']);
    expect(Object.fromEntries(kept)).toEqual({ a: [1, 2], b: [1, 2] });
    expect(told).toEqual([0, 1, 2]);
  });
});
