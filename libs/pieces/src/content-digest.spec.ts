import { formatContentDigest, parseContentDigest, parsePieceCrc32 } from './content-digest.js';

describe('parseContentDigest', () => {
  it.each([`sha256:${'a'.repeat(64)}`, `sha512:${'0'.repeat(128)}`, 'crc32:0', 'crc32:4294967295'])(
    'takes %s',
    (raw) => {
      expect(formatContentDigest(parseContentDigest(raw))).toBe(raw);
    },
  );

  it('takes upper-case hex as lower-case', () => {
    expect(parseContentDigest(`SHA256:${'A'.repeat(64)}`).value).toBe('a'.repeat(64));
  });

  it.each([
    '',
    'sha256:',
    `sha256:${'a'.repeat(63)}`,
    `sha256:${'g'.repeat(64)}`,
    'crc32:4294967296',
    'crc32:01',
    'crc32:ff',
    'md5:d41d8cd98f00b204e9800998ecf8427e',
  ])('refuses %p', (raw) => {
    expect(() => parseContentDigest(raw)).toThrow(
      expect.objectContaining({ code: 'INVALID_DIGEST' }) as Error,
    );
  });
});

describe('parsePieceCrc32', () => {
  it('reads a decimal and nothing else', () => {
    expect(parsePieceCrc32('crc32:17')).toBe(17);
    expect(parsePieceCrc32('crc32:4294967296')).toBeUndefined();
    expect(parsePieceCrc32('sha256:17')).toBeUndefined();
  });
});
