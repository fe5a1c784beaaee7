import { WakeLoop } from './wake-loop.js';

/** Lets `count` continuations run, one after another, without a turn of the event loop between. */
async function continuations(count: number): Promise<void> {
  for (let passed = 0; passed < count; passed += 1) await Promise.resolve();
}

describe('WakeLoop', () => {
  it('does all work that was brought before it is idle, at whichever continuation it came', async () => {
    // The end of a run takes a few continuations; a wake in each of them must be seen.
    for (let late = 0; late < 12; late += 1) {
      const waiting = [1];
      const loop = new WakeLoop(async () => {
        while (waiting.length > 0) {
          await Promise.resolve();
          waiting.pop();
        }
      });
      loop.wake();
      await continuations(late);
      waiting.push(2);
      loop.wake();
      await loop.idle();
      expect({ late, waiting }).toEqual({ late, waiting: [] });
    }
  });

  it('never does the work twice at the same time', async () => {
    let atOnce = 0;
    let most = 0;
    const loop = new WakeLoop(async () => {
      most = Math.max(most, (atOnce += 1));
      await new Promise((resolve) => setImmediate(resolve));
      atOnce -= 1;
    });
    for (let wakes = 0; wakes < 5; wakes += 1) {
      loop.wake();
      await continuations(wakes);
    }
    await loop.idle();
    expect(most).toBe(1);
  });

  it('can be woken again after a run that failed', async () => {
    let runs = 0;
    const loop = new WakeLoop(() => {
      runs += 1;
      return runs === 1 ? Promise.reject(new Error('broken')) : Promise.resolve();
    });
    loop.wake();
    await expect(loop.idle()).rejects.toThrow('broken');
    loop.wake();
    await loop.idle();
    expect(runs).toBe(2);
  });
});
