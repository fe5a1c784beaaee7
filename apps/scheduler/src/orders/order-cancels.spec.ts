import { CANCELS_REMEMBERED_MAX, OrderCancels } from './order-cancels.js';

const ORDER = { order_id: 1, attempt: 1 };

describe('OrderCancels', () => {
  it('waits for an order that comes after its cancel, and for its end', async () => {
    const cancels = new OrderCancels(60_000);
    const told = cancels.cancel(ORDER);
    let isEnded = false;
    const run = cancels.run(ORDER, async () => {
      await new Promise((resolve) => setImmediate(resolve));
      isEnded = cancels.isCancelled(ORDER);
    });
    expect(await told).toBe(true);
    expect(isEnded).toBe(true);
    await run;
  });

  it('knows nothing of an order that does not come, and of other attempts', async () => {
    const cancels = new OrderCancels(1);
    const other = cancels.run({ ...ORDER, attempt: 2 }, () => Promise.resolve());
    expect(await cancels.cancel(ORDER)).toBe(false);
    expect(cancels.isCancelled({ ...ORDER, attempt: 2 })).toBe(false);
    await other;
  });

  it('is over too with an order that failed, which whoever carries it out is told', async () => {
    const cancels = new OrderCancels(60_000);
    const run = cancels.run(ORDER, () => Promise.reject(new Error('no broker')));
    const told = cancels.cancel(ORDER);
    await expect(run).rejects.toThrow('no broker');
    expect(await told).toBe(true);
  });

  it('remembers so many, and forgets the oldest', async () => {
    const cancels = new OrderCancels(0);
    const numbers = Array.from({ length: CANCELS_REMEMBERED_MAX + 1 }, (_, index) => index + 1);
    await Promise.all(numbers.map((order_id) => cancels.cancel({ order_id, attempt: 1 })));
    const known = numbers.filter((order_id) => cancels.isCancelled({ order_id, attempt: 1 }));
    expect([known.length, known[0]]).toEqual([CANCELS_REMEMBERED_MAX, 2]);
  });
});
