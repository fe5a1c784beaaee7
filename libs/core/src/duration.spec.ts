import { formatDuration, parseDurationMs } from './duration.js';

describe('parseDurationMs', () => {
  it.each([
    ['90s', 90_000],
    ['1h30m', 5_400_000],
    ['500ms', 500],
    ['1000000ns', 1],
    ['168h', 604_800_000],
    [3_600_000_000_000, 3_600_000],
    [1_000_000, 1],
  ])('reads %p as %p ms', (raw, wanted) => {
    expect(parseDurationMs(raw, 'timeout')).toBe(wanted);
  });

  it.each([
    '',
    '90',
    's',
    '1.5s',
    '-1s',
    '+1s',
    '1s ',
    '1d',
    '1S',
    1.5,
    Number.NaN,
    null,
    true,
    {},
    '999999999999999999999s',
  ])('refuses %p and names the field', (raw) => {
    expect(() => parseDurationMs(raw, 'args.timeout')).toThrow(/^args\.timeout must be/);
  });

  it.each(['999us', '168h1ms', 0, -5, '0s', 604_800_001_000_000])(
    'refuses %p as out of 1 ms to 7 days',
    (raw) => {
      expect(() => parseDurationMs(raw, 'timeout')).toThrow(/between 1ms and 168h/);
    },
  );

  it('says what a small number was taken for', () => {
    expect(() => parseDurationMs(30, 'timeout')).toThrow('30 means 30 ns; write "30s"');
  });
});

describe('formatDuration', () => {
  it.each([
    [0, '0s'],
    [1, '1ms'],
    [5_400_000, '1h30m'],
    [61_001, '1m1s1ms'],
  ])('writes %p ms as %p', (durationMs, text) => {
    expect(formatDuration(durationMs)).toBe(text);
  });
});
