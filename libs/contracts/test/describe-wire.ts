/** For tests of bytes: the vectors are written by hand, never by the codec that they check. */

/** 64 hex digits as a task id, and its ASCII bytes as hex. */
export const TASK_ID = 'ab'.repeat(32);
export const TASK_ID_HEX = '6162'.repeat(32);

/** One message and its canonical bytes. */
export interface WireVector<T> {
  readonly name: string;
  readonly hex: string;
  readonly message: T;
}

/** What ts-proto generates for a message, as far as it is checked. */
interface Codec<T> {
  encode(message: T): { finish(): Uint8Array };
  decode(input: Uint8Array): T;
}

/** Fields that no message has: a varint 2000, text 2001, a fixed 64 bit 2002 and a fixed 32 bit 2003. */
const UNKNOWN_FIELDS =
  '807d' + '05' + '8a7d' + '03' + text('new') + '917d' + '0102030405060708' + '9d7d' + '01020304';

/** The bytes of a text as hex. */
export function text(value: string): string {
  return Buffer.from(value).toString('hex');
}

/** Tests each vector both ways, and once more with fields that are unknown, before and behind. */
export function describeWire<T>(
  title: string,
  codec: Codec<T>,
  vectors: readonly WireVector<T>[],
): void {
  describe(title, () => {
    it.each(vectors)('is written byte for byte: $name', ({ hex, message }) => {
      expect(Buffer.from(codec.encode(message).finish()).toString('hex')).toBe(hex);
    });

    it.each(vectors)('is read: $name', ({ hex, message }) => {
      expect(codec.decode(Buffer.from(hex, 'hex'))).toEqual(message);
    });

    it.each(vectors)('is read past fields of a newer daemon: $name', ({ hex, message }) => {
      const bytes = Buffer.from(UNKNOWN_FIELDS + hex + UNKNOWN_FIELDS, 'hex');
      expect(codec.decode(bytes)).toEqual(message);
    });
  });
}
