import { PieceCosts, SCATTER_KNOWN_FROM } from './piece-costs.js';

describe('PieceCosts', () => {
  let costs: PieceCosts;
  beforeEach(() => (costs = new PieceCosts()));

  function add(...all: number[]): void {
    for (const cost of all) costs.add(cost);
  }

  it('calls nobody slow for a first piece', () => {
    expect(costs.isLastSlow).toBe(false);
    add(1_000_000);
    expect(costs.isLastSlow).toBe(false);
  });

  it('calls a piece slow beyond 20 times the mean of those before it', () => {
    add(10, 20, 30, 400);
    expect(costs.isLastSlow).toBe(false);
    costs = new PieceCosts();
    add(10, 20, 30, 401);
    expect(costs.isLastSlow).toBe(true);
  });

  it('forgives one as soon as the next piece is quick', () => {
    add(10, 10, 1_000);
    expect(costs.isLastSlow).toBe(true);
    add(10);
    expect(costs.isLastSlow).toBe(false);
  });

  it('goes by three deviations once it knows how costs scatter', () => {
    // Mean 100, deviation 10.
    for (let i = 0; i < SCATTER_KNOWN_FROM; i += 1) add(i % 2 === 0 ? 90 : 110);
    add(129);
    expect(costs.isLastSlow).toBe(false);
    costs = new PieceCosts();
    for (let i = 0; i < SCATTER_KNOWN_FROM; i += 1) add(i % 2 === 0 ? 90 : 110);
    add(131);
    expect(costs.isLastSlow).toBe(true);
  });

  it('takes a piece of no time for what it is', () => {
    add(0, 0, 20);
    expect(costs.isLastSlow).toBe(false);
    add(21, 300);
    expect(costs.isLastSlow).toBe(true);
  });
});
