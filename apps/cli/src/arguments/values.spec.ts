import {
  collectHeader,
  collectNumber,
  parseDigestOption,
  parseSizeBytes,
  parseTaskName,
  parseTimeoutMs,
  parseUrlArgument,
} from './values.js';

const TASK_ID = 'ab'.repeat(32);

describe('values of options', () => {
  it.each([
    ['0', 0],
    ['4194304', 4_194_304],
    ['4MiB', 4_194_304],
    ['4m', 4_194_304],
    ['1GB', 1_073_741_824],
    ['3k', 3072],
  ])('take the size %s', (raw, bytes) => {
    expect(parseSizeBytes(raw)).toBe(bytes);
  });

  it.each(['', '-1', '1.5M', '4Q', '4 MiB', '0x10', '9999999999999999999', '999999999999999G'])(
    'refuse the size %j',
    (raw) => {
      expect(() => parseSizeBytes(raw)).toThrow('4MiB');
    },
  );

  it.each([
    ['30s', 30_000],
    ['1h30m', 5_400_000],
    ['500ms', 500],
  ])('take the duration %s', (raw, ms) => {
    expect(parseTimeoutMs(raw)).toBe(ms);
  });

  it.each(['30', '', '-1s', '0s', '8000h', 'soon'])('refuse the duration %j', (raw) => {
    expect(() => parseTimeoutMs(raw)).toThrow('30s or 1h30m');
  });

  it('take headers, the value as it stands, and collect them', () => {
    const one = collectHeader('Authorization: Bearer a:b');
    expect(collectHeader('X-Empty:', one)).toEqual({
      Authorization: 'Bearer a:b',
      'X-Empty': '',
    });
    expect(() => collectHeader('no colon')).toThrow('Name: value');
    expect(() => collectHeader('Bad Name: x')).toThrow('Name: value');
  });

  it('take a task by id or URL and by nothing else', () => {
    expect(parseTaskName(TASK_ID)).toBe(TASK_ID);
    expect(parseTaskName('https://o/f?x=1')).toBe('https://o/f?x=1');
    for (const raw of ['', 'abc', '../x', TASK_ID.toUpperCase(), 'ftp://o/f']) {
      expect(() => parseTaskName(raw)).toThrow();
    }
  });

  it('take digests, URLs and cluster numbers that mean something', () => {
    expect(parseDigestOption('crc32:5')).toEqual({ algorithm: 'crc32', value: '5' });
    expect(() => parseDigestOption('md5:00')).toThrow('sha256');
    expect(() => parseUrlArgument('file:///etc/passwd')).toThrow('http');
    expect(collectNumber('2', [1])).toEqual([1, 2]);
    expect(() => collectNumber('0')).toThrow('whole number');
  });
});
