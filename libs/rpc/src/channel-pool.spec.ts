import { ManualClock } from '@pondhawk/core';
import { ChannelPool } from './channel-pool.js';

describe('ChannelPool', () => {
  let clock: ManualClock;
  let pool: ChannelPool;

  beforeEach(() => {
    clock = new ManualClock();
    pool = new ChannelPool(clock, { idleMs: 100, channelsMax: 3 });
  });
  afterEach(() => pool.close());

  it('keeps one channel an address', () => {
    expect(pool.get('127.0.0.1:1')).toBe(pool.get('127.0.0.1:1'));
    expect(pool.get('127.0.0.1:2')).not.toBe(pool.get('127.0.0.1:1'));
    expect(pool.size).toBe(2);
  });

  it('closes the channels nobody asked for during the idle time', () => {
    const first = pool.get('127.0.0.1:1');
    clock.advance(60);
    pool.get('127.0.0.1:2');
    clock.advance(60);
    pool.get('127.0.0.1:2');
    expect(pool.size).toBe(1);
    expect(pool.get('127.0.0.1:1')).not.toBe(first);
  });

  it('closes the longest unused channel when there are too many, never the one asked for', () => {
    const first = pool.get('127.0.0.1:1');
    for (const port of [2, 3]) pool.get(`127.0.0.1:${port}`);
    expect(pool.get('127.0.0.1:1')).toBe(first);
    pool.get('127.0.0.1:4');
    expect(pool.size).toBe(3);
    expect(pool.get('127.0.0.1:1')).toBe(first);
  });
});
