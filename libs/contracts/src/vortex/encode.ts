/** From messages to bytes. */

import { assertNever } from '@pondhawk/core';
import {
  malformed,
  VORTEX_HEADER_BYTES,
  VortexTag,
  type PieceMetadata,
  type VortexMessage,
  type VortexPacket,
} from './packet.js';

const TASK_ID = /^[0-9a-f]{64}$/;
const HEX_16_BYTES = /^[0-9a-f]{32}$/;
const METADATA_FIXED_BYTES = 4 + 8 + 8 + 4 + 4 + 1 + 8 + 8;

/**
 * A whole packet, header included; a piece's bytes are not part of it and are sent right behind.
 *
 * @throws InvalidArgumentError (`VORTEX_MALFORMED`) when a field does not fit.
 */
export function encodeVortexPacket(packet: VortexPacket): Buffer {
  const [tag, value] = encodeMessage(packet.message);
  const buffer = Buffer.allocUnsafe(VORTEX_HEADER_BYTES + value.length);
  buffer.writeUInt8(checked(packet.id, 'id', 0xff), 0);
  buffer.writeUInt8(tag, 1);
  buffer.writeUInt32BE(value.length, 2);
  value.copy(buffer, VORTEX_HEADER_BYTES);
  return buffer;
}

function encodeMessage(message: VortexMessage): [VortexTag, Buffer] {
  switch (message.kind) {
    case 'download-piece':
      return [
        VortexTag.DownloadPiece,
        Buffer.concat([ascii(message.taskId), u32(message.pieceNumber, 'pieceNumber')]),
      ];
    case 'guarded-download-piece':
      return [
        VortexTag.GuardedDownloadPiece,
        Buffer.concat([
          ascii(message.taskId),
          hex16(message.copyId, 'copyId'),
          u32(message.pieceNumber, 'pieceNumber'),
          u64(message.filledAt, 'filledAt'),
          hex16(message.logEpoch, 'logEpoch'),
        ]),
      ];
    case 'piece-content':
      return [VortexTag.PieceContent, encodeMetadata(message.metadata)];
    case 'guarded-piece-content':
      return [
        VortexTag.GuardedPieceContent,
        Buffer.concat([encodeMetadata(message.metadata), u64(message.applied, 'applied')]),
      ];
    case 'close':
      return [VortexTag.Close, Buffer.alloc(0)];
    case 'error':
      return [VortexTag.Error, encodeError(message.code, message.text)];
    default:
      return assertNever(message);
  }
}

function encodeError(code: number, text: string): Buffer {
  if (text === '') throw malformed('text', 'must not be empty.');
  return Buffer.concat([
    Buffer.from([checked(code, 'code', 0xff)]),
    Buffer.from(':'),
    Buffer.from(text),
  ]);
}

function encodeMetadata(metadata: PieceMetadata): Buffer {
  const digest = Buffer.from(metadata.digest);
  const parentId = Buffer.from(metadata.parentId);
  const createdAt = Buffer.alloc(8);
  createdAt.writeBigInt64BE(BigInt(Math.trunc(metadata.createdAtSeconds)));
  return Buffer.concat([
    u32(METADATA_FIXED_BYTES + digest.length + parentId.length, 'metadata'),
    u32(metadata.number, 'number'),
    u64(metadata.offset, 'offset'),
    u64(metadata.length, 'length'),
    u32(digest.length, 'digest'),
    digest,
    u32(parentId.length, 'parentId'),
    parentId,
    Buffer.from([checked(metadata.trafficType, 'trafficType', 0xff)]),
    u64(metadata.costSeconds, 'costSeconds'),
    createdAt,
  ]);
}

function ascii(taskId: string): Buffer {
  if (!TASK_ID.test(taskId)) throw malformed('taskId', 'must be 64 lower-case hex digits.');
  return Buffer.from(taskId, 'latin1');
}

function hex16(raw: string, field: string): Buffer {
  if (!HEX_16_BYTES.test(raw)) throw malformed(field, 'must be 32 lower-case hex digits.');
  return Buffer.from(raw, 'hex');
}

function u32(value: number, field: string): Buffer {
  const buffer = Buffer.allocUnsafe(4);
  buffer.writeUInt32BE(checked(value, field, 0xffff_ffff));
  return buffer;
}

function u64(value: number, field: string): Buffer {
  const buffer = Buffer.allocUnsafe(8);
  buffer.writeBigUInt64BE(BigInt(checked(value, field, Number.MAX_SAFE_INTEGER)));
  return buffer;
}

function checked(value: number, field: string, max: number): number {
  if (!Number.isInteger(value) || value < 0 || value > max) {
    throw malformed(field, `must be a whole number from 0 to ${max}.`);
  }
  return value;
}
