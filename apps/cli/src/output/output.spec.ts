import { printable } from './printable.js';
import { formatBytes, formatRate, formatTimeLeft, timeLeftMs } from './quantities.js';
import { renderTable } from './table.js';

describe('printable', () => {
  it.each([
    ['colours and cursor movements', '\u001b[31mred\u001b[2J', '\\x1b[31mred\\x1b[2J'],
    ['a title sequence', '\u001b]0;owned\u0007', '\\x1b]0;owned\\x07'],
    ['the 8-bit CSI', '\u009b31m', '\\x9b31m'],
    ['lines that were not asked for', 'a\r\nb\tc', 'a\\x0d\\x0ab\\x09c'],
    ['text that runs backwards', 'a\u202eb', 'a\\u202eb'],
    ['what cannot be seen', 'a\u200bb\ufeff', 'a\\u200bb\\ufeff'],
  ])('shows %s and disarms it', (_name, text, shown) => {
    expect(printable(text)).toBe(shown);
  });

  it('leaves words of any language as they are', () => {
    const text = 'Größe 大きさ 🦅 – “quotes”';
    expect(printable(text)).toBe(text);
  });
});

describe('quantities', () => {
  it.each([
    [0, '0 B'],
    [1023, '1023 B'],
    [1024, '1.0 KiB'],
    [1536, '1.5 KiB'],
    [1024 * 1024 - 1, '1.0 MiB'],
    [64 * 1024 * 1024, '64.0 MiB'],
    [Number.MAX_SAFE_INTEGER, '8.0 PiB'],
  ])('writes %d bytes as %s', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });

  it.each([
    [undefined, '-'],
    [0, '0s'],
    [59_001, '1m00s'],
    [125_000, '2m05s'],
    [3_720_000, '1h02m'],
  ])('writes %p ms left as %s', (leftMs, text) => {
    expect(formatTimeLeft(leftMs)).toBe(text);
  });

  it('tells no rate and no time left before anything has come', () => {
    expect(formatRate(0, 0)).toBe('-');
    expect(timeLeftMs({ doneBytes: 0, totalBytes: 10, elapsedMs: 5 })).toBeUndefined();
    expect(timeLeftMs({ doneBytes: 5, totalBytes: 10, elapsedMs: 5 })).toBe(5);
  });
});

describe('renderTable', () => {
  it('aligns columns without colours, borders or trailing blanks', () => {
    const table = renderTable(
      ['A', 'BB'],
      [
        ['long cell', 'x'],
        ['y', ''],
      ],
    );
    expect(table).toBe('A          BB\nlong cell  x\ny');
  });

  it('disarms every cell', () => {
    expect(renderTable(['A'], [['\u001b[2J']])).not.toContain('\u001b');
  });
});
