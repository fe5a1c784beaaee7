import { SystemClock } from '@pondhawk/observability';
import { ChannelPool } from '@pondhawk/rpc';
import { AskedHost } from '@pondhawk/testing';
import { StrangerVerifier, VERIFY_ROUNDS_MAX } from '../src/verification/host-verifier.js';

const EPOCH = 'a'.repeat(32);
const IN_FORCE = 'b'.repeat(32);
const OTHER = 'c'.repeat(32);
const COPY_ID = 'd'.repeat(32);
const SEQ = 7;
const OLD_BYTES = Buffer.alloc(100_000, 'old');
const NEW_BYTES = Buffer.alloc(100_000, 'new');
const copy = { copyId: COPY_ID, logEpoch: EPOCH };
const newer = { ...copy, filledAt: SEQ };

describe('StrangerVerifier', () => {
  let host: AskedHost;
  let channels: ChannelPool;
  beforeEach(async () => {
    host = await AskedHost.start();
    channels = new ChannelPool(new SystemClock());
  });
  afterEach(async () => {
    channels.close();
    await host.stop();
  });

  const verify = async (timeoutMs = 3_000) => {
    const state = { epoch: IN_FORCE } as never;
    const purge = { log_epoch: EPOCH, seq: SEQ, taskId: 'e'.repeat(64) };
    return new StrangerVerifier(channels, { state }).verify(host.record, purge, timeoutMs);
  };

  it('lets a host pass that sends nothing', async () => {
    expect(await verify()).toEqual({ state: 'passed', message: '' });
    expect(host.asked).toEqual(['plain']);
  });

  it('fails a host that denies the task and serves it, and says how many bytes came', async () => {
    host.plain = OLD_BYTES;
    const verdict = await verify();
    expect(verdict.state).toBe('failed');
    expect(verdict.message).toMatch(/^65536 of the 100000 bytes of piece 0 came/);
    expect(host.asked).toHaveLength(VERIFY_ROUNDS_MAX);
  });

  it('fails a host of another make, asked at the port that it registered', async () => {
    host.tellsPort = false;
    host.isPortRegistered = true;
    host.plain = Buffer.from('few');
    expect((await verify()).message).toMatch(/^3 of the 3 bytes/);
  });

  it.each([
    ['of the log of the purge', newer],
    ['of the log in force', { ...newer, logEpoch: IN_FORCE }],
  ])('lets a host pass that serves a copy begun after the purge, %s', async (_name, says) => {
    Object.assign(host, { says, plain: NEW_BYTES, guarded: NEW_BYTES });
    expect(await verify()).toMatchObject({ state: 'newer_copy' });
  });

  it('lets a host pass whose copy was begun while it was being asked', async () => {
    host.onAsked = () => Object.assign(host, { says: newer, plain: NEW_BYTES, guarded: NEW_BYTES });
    expect(await verify()).toMatchObject({ state: 'newer_copy' });
    expect(host.asked).toEqual(['plain', 'guarded']);
  });

  it.each([
    ['names a copy begun before the purge', { ...copy, filledAt: SEQ - 1 }, OLD_BYTES],
    ['names a copy of a log that is over', { ...newer, logEpoch: OTHER }, OLD_BYTES],
    ['names a newer copy whose bytes are others', newer, NEW_BYTES],
    ['names a newer copy that it does not send', newer, 'refuses' as const],
  ])('fails a host that serves and %s', async (_name, says, guarded) => {
    Object.assign(host, { says, plain: OLD_BYTES, guarded });
    expect(await verify()).toMatchObject({ state: 'failed' });
  });

  it('keeps to it that a host served when it cannot be asked any more', async () => {
    host.plain = OLD_BYTES;
    host.onAsked = () => {
      if (host.asked.length > 1) host.plain = 'closes';
    };
    expect(await verify()).toMatchObject({ state: 'failed' });
  });

  it.each([
    ['does not say where it serves', { tellsPort: false }, /does not say where/],
    ['closes the connection', { plain: 'closes' as const }, /closed the connection/],
    ['is silent', { plain: 'silent' as const }, /No answer from/],
  ])('says that a host cannot be asked that %s', async (_name, behaviour, message) => {
    Object.assign(host, behaviour);
    const startedAtMs = performance.now();
    const verdict = await verify(1_000);
    expect(verdict).toMatchObject({ state: 'unreachable' });
    expect(verdict.message).toMatch(message);
    expect(performance.now() - startedAtMs).toBeLessThan(2_500);
  });

  it('says so of one that nobody answers for', async () => {
    const { record } = host;
    await host.stop();
    host = await AskedHost.start();
    const verifier = new StrangerVerifier(channels, { state: undefined });
    const purge = { log_epoch: EPOCH, seq: SEQ, taskId: 'e'.repeat(64) };
    expect(await verifier.verify(record, purge, 1_000)).toMatchObject({ state: 'unreachable' });
  });
});
