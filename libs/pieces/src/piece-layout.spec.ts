import fc from 'fast-check';
import {
  choosePieceLengthBytes,
  layOutPieces,
  parsePieceLengthBytes,
  parsePieceNumber,
  PIECE_LENGTH_BYTES_MAX,
  PIECE_LENGTH_BYTES_MIN,
} from './piece-layout.js';

const MIB = 1024 * 1024;

describe('layOutPieces', () => {
  it('covers every content exactly once, in order', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 10_000 }),
        fc.integer({ min: 1, max: 500 }),
        (length, piece) => {
          let end = 0;
          for (const [index, range] of layOutPieces(length, piece).entries()) {
            expect(range.number).toBe(index);
            expect(range.offsetBytes).toBe(end);
            expect(range.lengthBytes).toBeGreaterThan(0);
            expect(range.lengthBytes).toBeLessThanOrEqual(piece);
            end += range.lengthBytes;
          }
          expect(end).toBe(length);
        },
      ),
    );
  });
});

describe('choosePieceLengthBytes', () => {
  it.each([
    [0, 4 * MIB],
    [2_000 * MIB, 4 * MIB],
    [2_001 * MIB, 8 * MIB],
    [16_000 * MIB, 32 * MIB],
    [17_000 * MIB, 64 * MIB],
    [1_000_000 * MIB, 64 * MIB],
  ])('gives %i bytes pieces of %i', (content, piece) => {
    expect(choosePieceLengthBytes(content)).toBe(piece);
  });
});

describe('parsePieceLengthBytes', () => {
  it('accepts both limits', () => {
    expect(parsePieceLengthBytes(PIECE_LENGTH_BYTES_MIN)).toBe(PIECE_LENGTH_BYTES_MIN);
    expect(parsePieceLengthBytes(PIECE_LENGTH_BYTES_MAX)).toBe(PIECE_LENGTH_BYTES_MAX);
  });

  it.each([4_194_303, 67_108_865, 0, -1, 4_194_304.5, NaN])(
    'refuses %d and names the field',
    (bad) => {
      expect(() => parsePieceLengthBytes(bad)).toThrow('piece_length');
    },
  );
});

describe('parsePieceNumber', () => {
  it.each([-1, 0.5, 2 ** 31, Infinity])('refuses %d', (bad) => {
    expect(() => parsePieceNumber(bad)).toThrow('piece_number');
  });
});
