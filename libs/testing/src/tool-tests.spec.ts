import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findTool } from './tool-tests.js';

describe('findTool', () => {
  const before = { ...process.env };
  let dir = '';

  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'pondhawk-tools-'));
    for (const name of ['nats-server', 'aria2c']) writeFileSync(join(dir, name), '');
    chmodSync(join(dir, 'aria2c'), 0o755);
  });

  afterEach(() => {
    process.env = { ...before };
    rmSync(dir, { recursive: true });
  });

  it('finds a program that can be run on PATH', () => {
    process.env['PATH'] = dir;
    expect(findTool('aria2c')).toBe(join(dir, 'aria2c'));
  });

  it('takes the named NATS server and no other, even when the named one cannot be run', () => {
    process.env['PONDHAWK_NATS_SERVER'] = join(dir, 'nats-server');
    expect(findTool('nats-server')).toBeUndefined();
    chmodSync(join(dir, 'nats-server'), 0o755);
    expect(findTool('nats-server')).toBe(join(dir, 'nats-server'));
  });
});
