import { chooseSuccessor } from './order-lease.js';

describe('chooseSuccessor', () => {
  const active = [{ id: 1 }, { id: 2 }, { id: 3 }];

  it('takes another scheduler while there is one, and the same one rather than none', () => {
    for (let id = 1; id <= 50; id += 1) {
      expect(chooseSuccessor(active, { id, formerSchedulerId: 2 })?.id).not.toBe(2);
    }
    expect(chooseSuccessor([{ id: 2 }], { id: 1, formerSchedulerId: 2 })).toEqual({ id: 2 });
    expect(chooseSuccessor(active.slice(3), { id: 1, formerSchedulerId: 2 })).toBeUndefined();
  });

  it('shares the orders of a lost scheduler among the others', () => {
    const chosen = Array.from(
      { length: 100 },
      (_, id) => chooseSuccessor(active, { id, formerSchedulerId: 2 })?.id,
    );
    for (const id of [1, 3]) {
      expect(chosen.filter((one) => one === id).length).toBeGreaterThan(20);
    }
  });
});
