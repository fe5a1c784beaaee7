import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SystemLeaseClocks } from './index.js';

describe('SystemLeaseClocks', () => {
  const directory = mkdtempSync(join(tmpdir(), 'clocks-'));
  const path = join(directory, 'uptime');
  let clocks: SystemLeaseClocks;

  afterEach(() => clocks.close());
  afterAll(() => rmSync(directory, { recursive: true }));

  it('reads the time since boot anew each time', () => {
    writeFileSync(path, '12.34 99.00\n');
    clocks = new SystemLeaseClocks(path);
    expect(clocks.read().sinceBootMs).toBeCloseTo(12_340);
    writeFileSync(path, '3612.34 99.00\n');
    expect(clocks.read().sinceBootMs).toBeCloseTo(3_612_340);
  });

  it('refuses what is no number', () => {
    writeFileSync(path, '');
    clocks = new SystemLeaseClocks(path);
    expect(() => clocks.read()).toThrow(/does not begin with a number/);
  });

  it('takes the monotonic clock where the system tells no time since boot', () => {
    clocks = new SystemLeaseClocks(join(directory, 'missing'));
    const { monotonicMs, sinceBootMs } = clocks.read();
    expect(sinceBootMs).toBe(monotonicMs);
  });

  it('has all clocks go forward on this machine', async () => {
    clocks = new SystemLeaseClocks();
    const former = clocks.read();
    await new Promise((done) => setTimeout(done, 30));
    const now = clocks.read();
    expect(now.monotonicMs).toBeGreaterThan(former.monotonicMs);
    expect(now.sinceBootMs).toBeGreaterThan(former.sinceBootMs);
    expect(now.wallMs).toBeGreaterThan(former.wallMs);
  });
});
