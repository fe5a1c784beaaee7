import fc from 'fast-check';
import { InvalidArgumentError } from '@pondhawk/core';
import { decodeVortexMessage } from './decode.js';
import { encodeVortexPacket } from './encode.js';
import {
  VORTEX_CLIENT_VALUE_BYTES_MAX,
  type PieceMetadata,
  type VortexMessage,
  type VortexPacket,
} from './packet.js';
import { VortexReader, type VortexEvent, type VortexSender } from './reader.js';

const TASK_ID = 'ab'.repeat(32);
const COPY_ID = '0123456789abcdef0123456789abcdef';
const EPOCH = '00000000000000000000000000000000';
const TASK_ID_ASCII = '6162'.repeat(32);

const METADATA: PieceMetadata = {
  number: 3,
  offset: 12_582_912,
  length: 5,
  digest: 'crc32:1',
  parentId: 'p',
  trafficType: 1,
  costSeconds: 2,
  createdAtSeconds: 1_700_000_000,
};
const METADATA_HEX = [
  '00000003', // number
  '0000000000c00000', // offset
  '0000000000000005', // length
  '00000007' + '63726333323a31', // digest: 7 bytes, crc32:1
  '00000001' + '70', // parent id
  '01', // traffic type
  '0000000000000002', // cost
  '000000006553f100', // created at
].join('');

interface Vector {
  readonly name: string;
  readonly hex: string;
  readonly packet: VortexPacket;
}

const VECTORS: readonly Vector[] = [
  {
    name: 'DownloadPiece',
    hex: '07' + '00' + '00000044' + TASK_ID_ASCII + '00000102',
    packet: { id: 7, message: { kind: 'download-piece', taskId: TASK_ID, pieceNumber: 258 } },
  },
  {
    name: 'GuardedDownloadPiece',
    hex:
      '07' + '40' + '0000006c' + TASK_ID_ASCII + COPY_ID + '00000001' + '0000000000000009' + EPOCH,
    packet: {
      id: 7,
      message: {
        kind: 'guarded-download-piece',
        taskId: TASK_ID,
        copyId: COPY_ID,
        pieceNumber: 1,
        filledAt: 9,
        logEpoch: EPOCH,
      },
    },
  },
  {
    name: 'PieceContent',
    // 53 bytes of metadata; its length counts 4 more, and the piece's bytes do not count.
    hex: 'ff' + '01' + '00000039' + '00000035' + METADATA_HEX,
    packet: { id: 255, message: { kind: 'piece-content', metadata: METADATA } },
  },
  {
    name: 'GuardedPieceContent',
    hex: '01' + '41' + '00000041' + '00000035' + METADATA_HEX + '000000000000000c',
    packet: {
      id: 1,
      message: { kind: 'guarded-piece-content', metadata: METADATA, applied: 12 },
    },
  },
  { name: 'Close', hex: '00' + 'fe' + '00000000', packet: { id: 0, message: { kind: 'close' } } },
  {
    name: 'Error',
    hex: '02' + 'ff' + '00000006' + '12' + '3a' + '676f6e65',
    packet: { id: 2, message: { kind: 'error', code: 18, text: 'gone' } },
  },
];

function readAll(sender: VortexSender, chunks: readonly Buffer[]): VortexEvent[] {
  const reader = new VortexReader(sender);
  return chunks.flatMap((chunk) =>
    [...reader.feed(chunk)].map((event) =>
      event.kind === 'payload' ? { ...event, bytes: Buffer.from(event.bytes) } : event,
    ),
  );
}

function cut(bytes: Buffer, at: readonly number[]): Buffer[] {
  const cuts = [...new Set(at.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b);
  return [0, ...cuts].map((start, index) => bytes.subarray(start, cuts[index] ?? bytes.length));
}

function codeOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof InvalidArgumentError) return error.code;
    throw error;
  }
  return 'nothing thrown';
}

describe('Vortex codec', () => {
  it.each(VECTORS)('writes $name byte for byte', ({ hex, packet }) => {
    expect(encodeVortexPacket(packet).toString('hex')).toBe(hex);
  });

  it.each(VECTORS)('reads $name', ({ hex, packet }) => {
    const bytes = Buffer.from(hex, 'hex');
    expect(decodeVortexMessage(bytes.readUInt8(1), bytes.subarray(6))).toEqual(packet.message);
  });

  it.each(VECTORS)('refuses $name cut off or too long by a byte', ({ hex }) => {
    const bytes = Buffer.from(hex, 'hex');
    const value = bytes.subarray(6);
    const tag = bytes.readUInt8(1);
    if (tag !== 255) {
      const longer = Buffer.concat([value, Buffer.from([0])]);
      expect(codeOf(() => decodeVortexMessage(tag, longer))).toBe('VORTEX_MALFORMED');
    }
    const shorter = tag === 255 ? value.subarray(0, 2) : value.subarray(0, -1);
    if (value.length > 0) {
      expect(codeOf(() => decodeVortexMessage(tag, shorter))).toBe('VORTEX_MALFORMED');
    }
  });

  it.each([2, 3, 7, 63, 66, 253])('refuses tag %d', (tag) => {
    expect(codeOf(() => decodeVortexMessage(tag, Buffer.alloc(68)))).toBe('VORTEX_MALFORMED');
  });

  it.each(['../../etc/passwd'.padEnd(64, '/'), 'A'.repeat(64), '\0'.repeat(64)])(
    'refuses the task id %j',
    (taskId) => {
      const value = Buffer.concat([Buffer.from(taskId, 'latin1'), Buffer.alloc(4)]);
      expect(codeOf(() => decodeVortexMessage(0, value))).toBe('VORTEX_MALFORMED');
    },
  );

  it('refuses a digest that claims to be longer than the packet', () => {
    const hex = '00000035' + METADATA_HEX.replace('0000000763', 'ffffffff63');
    expect(codeOf(() => decodeVortexMessage(1, Buffer.from(hex, 'hex')))).toBe('VORTEX_MALFORMED');
  });

  it('refuses numbers that a double cannot hold', () => {
    const hex = '00000035' + METADATA_HEX.replace('0000000000c00000', 'ffffffffffffffff');
    expect(codeOf(() => decodeVortexMessage(1, Buffer.from(hex, 'hex')))).toBe('VORTEX_MALFORMED');
  });

  it('reads back what it wrote, and never throws anything but its own error on noise', () => {
    fc.assert(
      fc.property(fc.nat(255), fc.uint8Array({ maxLength: 200 }), (tag, noise) => {
        const code = codeOf(() => {
          const message = decodeVortexMessage(tag, Buffer.from(noise));
          const again = encodeVortexPacket({ id: 0, message });
          expect(decodeVortexMessage(tag, again.subarray(6))).toEqual(message);
        });
        return code === 'VORTEX_MALFORMED' || code === 'nothing thrown';
      }),
    );
  });

  it.each<[string, VortexMessage]>([
    ['a negative number', { kind: 'download-piece', taskId: TASK_ID, pieceNumber: -1 }],
    ['a number above 32 bits', { kind: 'download-piece', taskId: TASK_ID, pieceNumber: 2 ** 32 }],
    ['a task id that is none', { kind: 'download-piece', taskId: 'x', pieceNumber: 0 }],
    ['an error without a text', { kind: 'error', code: 1, text: '' }],
  ])('does not write %s', (_name, message) => {
    expect(codeOf(() => encodeVortexPacket({ id: 0, message }))).toBe('VORTEX_MALFORMED');
  });
});

describe('VortexReader', () => {
  const piece = Buffer.from('hello');
  const stream = Buffer.concat([
    encodeVortexPacket({ id: 9, message: { kind: 'piece-content', metadata: METADATA } }),
    piece,
    encodeVortexPacket({
      id: 10,
      message: {
        kind: 'guarded-piece-content',
        metadata: { ...METADATA, length: 0, digest: '' },
        applied: 0,
      },
    }),
    encodeVortexPacket({ id: 11, message: { kind: 'error', code: 2, text: 'no such piece' } }),
    encodeVortexPacket({ id: 12, message: { kind: 'close' } }),
  ]);

  it('gives the same messages and bytes however the stream is cut', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(stream.length), { maxLength: 40 }), (cuts) => {
        const events = readAll('server', cut(stream, cuts));
        const messages = events.filter((event) => event.kind === 'message');
        expect(messages.map((event) => [event.id, event.message.kind])).toEqual([
          [9, 'piece-content'],
          [10, 'guarded-piece-content'],
          [11, 'error'],
          [12, 'close'],
        ]);
        const payload = events.filter((event) => event.kind === 'payload' && event.id === 9);
        const bytes = payload.map((event) => (event.kind === 'payload' ? event.bytes : piece));
        expect(Buffer.concat(bytes)).toEqual(piece);
      }),
    );
  });

  it('says where each slice lies and which one ends the piece', () => {
    const start = stream.length - (stream.length - 6 - 57);
    const events = readAll('server', cut(stream.subarray(0, start + 5), [start, start + 2]));
    expect(events.filter((event) => event.kind === 'payload')).toEqual([
      { kind: 'payload', id: 9, bytes: Buffer.from('he'), offset: 0, isLast: false },
      { kind: 'payload', id: 9, bytes: Buffer.from('llo'), offset: 2, isLast: true },
    ]);
  });

  it('gives one empty slice for a piece of no bytes', () => {
    const events = readAll('server', [stream]).filter((event) => event.id === 10);
    expect(events.map((event) => event.kind)).toEqual(['message', 'payload']);
    expect(events[1]).toMatchObject({ offset: 0, isLast: true });
  });

  it('knows whether the stream may end here', () => {
    const reader = new VortexReader('server');
    expect(reader.isBetweenPackets).toBe(true);
    expect([...reader.feed(stream.subarray(0, 65))]).not.toHaveLength(0);
    expect(reader.isBetweenPackets).toBe(false);
    expect([...reader.feed(stream.subarray(65))]).not.toHaveLength(0);
    expect(reader.isBetweenPackets).toBe(true);
  });

  it('refuses a client value above the limit as soon as its header is read', () => {
    const header = Buffer.from('0000' + '00000000', 'hex');
    header.writeUInt32BE(VORTEX_CLIENT_VALUE_BYTES_MAX + 1, 2);
    expect(codeOf(() => readAll('client', [header]))).toBe('VORTEX_MALFORMED');
    header.writeUInt32BE(VORTEX_CLIENT_VALUE_BYTES_MAX, 2);
    expect(readAll('client', [header])).toEqual([]);
  });

  it.each<[VortexSender, string]>([
    ['client', '0001' + '00000039'],
    ['server', '0000' + '00000044'],
    ['client', '00ff' + '00000003'],
    ['server', '0040' + '0000006c'],
  ])('refuses from a %s a tag that is the other side’s (%s)', (sender, header) => {
    expect(codeOf(() => readAll(sender, [Buffer.from(header, 'hex')]))).toBe('VORTEX_MALFORMED');
  });

  it('refuses a piece above the limit', () => {
    const huge = { ...METADATA, length: 2 ** 40 };
    const packet = encodeVortexPacket({
      id: 1,
      message: { kind: 'piece-content', metadata: huge },
    });
    expect(codeOf(() => readAll('server', [packet]))).toBe('VORTEX_MALFORMED');
  });

  it('throws nothing but its own error on noise', () => {
    fc.assert(
      fc.property(
        fc.constantFrom<VortexSender>('client', 'server'),
        fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 20 }),
        (sender, chunks) => {
          const code = codeOf(() =>
            readAll(
              sender,
              chunks.map((chunk) => Buffer.from(chunk)),
            ),
          );
          return code === 'VORTEX_MALFORMED' || code === 'nothing thrown';
        },
      ),
    );
  });
});
