import { randomBytes } from 'node:crypto';
import { openSecret, sealSecret } from './sealed-secret.js';

describe('a sealed secret', () => {
  const key = randomBytes(32);

  it.each(['', 'a', 'ü'.repeat(1_000)])('is opened with its key', (secret) => {
    expect(openSecret(key, sealSecret(key, secret))).toBe(secret);
  });

  it('looks different each time', () => {
    expect(sealSecret(key, 's')).not.toBe(sealSecret(key, 's'));
  });

  it.each([
    ['another key', randomBytes(32), (sealed: string) => sealed],
    ['a changed text', key, (sealed: string) => `${sealed.slice(0, -4)}AAA=`],
    ['a cut text', key, (sealed: string) => sealed.slice(0, 8)],
  ])('is not opened with %s', (_what, withKey, change) => {
    expect(() => openSecret(withKey, change(sealSecret(key, 'secret')))).toThrow(
      expect.objectContaining({ code: 'SECRET_UNREADABLE' }) as Error,
    );
  });
});
