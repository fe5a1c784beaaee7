import { ManualClock } from '@pondhawk/core';
import { callUnary, ChannelPool, GrpcServer, HealthService } from './index.js';

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

  it('reaches a daemon that is back at once, however often it was asked while it was away', async () => {
    const daemon = newDaemon(0);
    const port = await daemon.start();
    await askHealth(port);
    await daemon.stop(0);
    for (let tries = 0; tries < 8; tries += 1) await expect(askHealth(port)).rejects.toThrow();
    const restarted = newDaemon(port);
    await restarted.start();
    try {
      await expect(askHealth(port)).resolves.toBeDefined();
    } finally {
      await restarted.stop(0);
    }
  });

  function newDaemon(port: number): GrpcServer {
    return new GrpcServer({
      listen: { host: '127.0.0.1', port },
      onUnexpectedError: ({ error }) => {
        throw error;
      },
    });
  }

  function askHealth(port: number): Promise<unknown> {
    const client = pool.get(`127.0.0.1:${port}`);
    return callUnary(client, HealthService.check, { service: '' }, { timeoutMs: 4_000 });
  }
});
