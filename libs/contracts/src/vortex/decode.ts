/** From bytes to messages. Nothing is believed: lengths are checked before they are used. */

import {
  malformed,
  VortexTag,
  type ErrorPacket,
  type GuardedDownloadPiece,
  type PieceMetadata,
  type VortexMessage,
} from './packet.js';

const TASK_ID_BYTES = 64;
const COPY_ID_BYTES = 16;
const EPOCH_BYTES = 16;
const DOWNLOAD_PIECE_BYTES = TASK_ID_BYTES + 4;
const GUARDED_DOWNLOAD_PIECE_BYTES = TASK_ID_BYTES + COPY_ID_BYTES + 4 + 8 + EPOCH_BYTES;
const APPLIED_BYTES = 8;
const TASK_ID = /^[0-9a-f]{64}$/;
const COLON = 0x3a;

/** @throws InvalidArgumentError (`VORTEX_MALFORMED`) for anything that is no message of ours. */
export function decodeVortexMessage(tag: number, value: Buffer): VortexMessage {
  switch (tag) {
    case VortexTag.DownloadPiece:
      requireLength(value, DOWNLOAD_PIECE_BYTES);
      return {
        kind: 'download-piece',
        taskId: taskIdOf(value),
        pieceNumber: value.readUInt32BE(TASK_ID_BYTES),
      };
    case VortexTag.GuardedDownloadPiece:
      return decodeGuardedDownloadPiece(value);
    case VortexTag.PieceContent:
      return { kind: 'piece-content', metadata: decodeMetadata(value, 0) };
    case VortexTag.GuardedPieceContent:
      return {
        kind: 'guarded-piece-content',
        metadata: decodeMetadata(value, APPLIED_BYTES),
        applied: new Cursor(value, value.length - APPLIED_BYTES).u64('applied'),
      };
    case VortexTag.Close:
      requireLength(value, 0);
      return { kind: 'close' };
    case VortexTag.Error:
      return decodeError(value);
    default:
      throw malformed('tag', `${tag} is not spoken here.`);
  }
}

function decodeGuardedDownloadPiece(value: Buffer): GuardedDownloadPiece {
  requireLength(value, GUARDED_DOWNLOAD_PIECE_BYTES);
  const cursor = new Cursor(value, TASK_ID_BYTES);
  return {
    kind: 'guarded-download-piece',
    taskId: taskIdOf(value),
    copyId: cursor.bytes(COPY_ID_BYTES, 'copyId').toString('hex'),
    pieceNumber: cursor.u32('pieceNumber'),
    filledAt: cursor.u64('filledAt'),
    logEpoch: cursor.bytes(EPOCH_BYTES, 'logEpoch').toString('hex'),
  };
}

function decodeMetadata(value: Buffer, trailingBytes: number): PieceMetadata {
  const cursor = new Cursor(value, 0);
  const metadataBytes = cursor.u32('metadata');
  if (4 + metadataBytes + trailingBytes !== value.length) {
    throw malformed('metadata', 'its length does not agree with that of the packet.');
  }
  const metadata = {
    number: cursor.u32('number'),
    offset: cursor.u64('offset'),
    length: cursor.u64('length'),
    digest: cursor.bytes(cursor.u32('digest'), 'digest').toString('utf8'),
    parentId: cursor.bytes(cursor.u32('parentId'), 'parentId').toString('utf8'),
    trafficType: cursor.u8('trafficType'),
    costSeconds: cursor.u64('costSeconds'),
    createdAtSeconds: cursor.i64('createdAtSeconds'),
  };
  if (cursor.position !== 4 + metadataBytes) throw malformed('metadata', 'has bytes left over.');
  return metadata;
}

function decodeError(value: Buffer): ErrorPacket {
  if (value.length < 3 || value[1] !== COLON) {
    throw malformed('error', 'must be a code, a colon and a text.');
  }
  return { kind: 'error', code: value.readUInt8(0), text: value.toString('utf8', 2) };
}

function taskIdOf(value: Buffer): string {
  const taskId = value.toString('latin1', 0, TASK_ID_BYTES);
  if (!TASK_ID.test(taskId)) throw malformed('taskId', 'must be 64 lower-case hex digits.');
  return taskId;
}

function requireLength(value: Buffer, lengthBytes: number): void {
  if (value.length !== lengthBytes) {
    throw malformed('length', `must be ${lengthBytes}, is ${value.length}.`);
  }
}

/** Reads fields one after the other; each read checks that its bytes are there. */
class Cursor {
  constructor(
    private readonly buffer: Buffer,
    public position: number,
  ) {}

  u8(field: string): number {
    return this.buffer.readUInt8(this.take(1, field));
  }

  u32(field: string): number {
    return this.buffer.readUInt32BE(this.take(4, field));
  }

  u64(field: string): number {
    return whole(this.buffer.readBigUInt64BE(this.take(8, field)), field);
  }

  i64(field: string): number {
    return whole(this.buffer.readBigInt64BE(this.take(8, field)), field);
  }

  bytes(length: number, field: string): Buffer {
    const start = this.take(length, field);
    return this.buffer.subarray(start, start + length);
  }

  private take(length: number, field: string): number {
    const start = this.position;
    if (start < 0 || length > this.buffer.length - start) throw malformed(field, 'is cut off.');
    this.position = start + length;
    return start;
  }
}

function whole(value: bigint, field: string): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number)) throw malformed(field, 'is too large.');
  return number;
}
