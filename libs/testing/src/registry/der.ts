/** The little of DER (X.690) that a certificate is made of. */

/** One value with its tag and length. */
export function tlv(tag: number, ...contents: readonly Buffer[]): Buffer {
  const content = Buffer.concat(contents);
  return Buffer.concat([Buffer.from([tag]), lengthOf(content.length), content]);
}

/** SEQUENCE. */
export function sequence(...items: readonly Buffer[]): Buffer {
  return tlv(0x30, ...items);
}

/** SET. */
export function set(...items: readonly Buffer[]): Buffer {
  return tlv(0x31, ...items);
}

/** INTEGER, never negative. */
export function integer(bytes: Buffer): Buffer {
  const first = bytes[0] ?? 0;
  return first >= 0x80 ? tlv(0x02, Buffer.from([0]), bytes) : tlv(0x02, bytes);
}

/** BOOLEAN true. */
export const TRUE = tlv(0x01, Buffer.from([0xff]));

/** OBJECT IDENTIFIER, written with dots. */
export function objectId(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  return tlv(0x06, ...[first * 40 + second, ...rest].map(base128));
}

/** UTF8String. */
export function text(value: string): Buffer {
  return tlv(0x0c, Buffer.from(value));
}

/** OCTET STRING. */
export function octets(value: Buffer): Buffer {
  return tlv(0x04, value);
}

/** BIT STRING of whole bytes. */
export function bits(value: Buffer): Buffer {
  return tlv(0x03, Buffer.from([0]), value);
}

/** GeneralizedTime, in seconds. */
export function time(at: Date): Buffer {
  const digits = at.toISOString().replace(/\.\d+|[-:T]/g, '');
  return tlv(0x18, Buffer.from(digits));
}

function lengthOf(length: number): Buffer {
  if (length < 0x80) return Buffer.from([length]);
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(length);
  const short = bytes.subarray(bytes.findIndex((byte) => byte !== 0));
  return Buffer.concat([Buffer.from([0x80 | short.length]), short]);
}

function base128(value: number): Buffer {
  const digits = [value & 0x7f];
  for (let rest = value >>> 7; rest > 0; rest >>>= 7) digits.unshift(0x80 | (rest & 0x7f));
  return Buffer.from(digits);
}
