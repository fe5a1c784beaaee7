import { formatContentDigest, parseContentDigest, parsePieceCrc32 } from './digest.js';

describe('parseContentDigest', () => {
  it.each([`sha256:${'a'.repeat(64)}`, `sha512:${'0'.repeat(128)}`, 'crc32:0', 'crc32:4294967295'])(
    'reads %s and writes it back',
    (raw) => {
      expect(formatContentDigest(parseContentDigest(raw))).toBe(raw);
    },
  );

  it.each([
    '',
    'sha256',
    `sha256:${'a'.repeat(63)}`,
    `sha256:${'A'.repeat(64)}`,
    'md5:abc',
    'crc32:4294967296',
    'crc32:-1',
    'crc32:01',
    ':',
  ])('refuses %j and names the field', (raw) => {
    expect(() => parseContentDigest(raw)).toThrow('digest');
  });
});

describe('parsePieceCrc32', () => {
  it('reads a decimal and nothing else', () => {
    expect(parsePieceCrc32('crc32:17')).toBe(17);
    expect(parsePieceCrc32('crc32:4294967296')).toBeUndefined();
    expect(parsePieceCrc32('sha256:17')).toBeUndefined();
  });
});
