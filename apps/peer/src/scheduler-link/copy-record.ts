import type { pondhawkV1 } from '@pondhawk/contracts';
import { countPieces } from '@pondhawk/pieces';
import type { Copy, Piece } from '../copies/index.js';
import { toValidatorMessage } from './validator-message.js';

/** A copy as schedulers and the local CLI are told of it. */
export function toCopyRecord(copy: Copy, pieces: readonly Piece[]): pondhawkV1.CopyRecord {
  const contentLength = copy.contentLength ?? 0;
  return {
    taskId: copy.taskId,
    copyId: copy.copyId,
    url: copy.url,
    tag: copy.tag,
    application: copy.application,
    contentLength: BigInt(contentLength),
    pieceLength: BigInt(copy.pieceLength),
    pieceCount: countPieces(contentLength, copy.pieceLength),
    validator: toValidatorMessage(copy.validator),
    logEpoch: Buffer.from(copy.logEpoch, 'hex'),
    filledAt: BigInt(copy.filledAt),
    pieces: pieces.map(toPieceDigest),
    createdAt: new Date(copy.createdAtMs),
    updatedAt: new Date(copy.updatedAtMs),
    finishedAt: copy.finishedAtMs === undefined ? undefined : new Date(copy.finishedAtMs),
    storedBytes: BigInt(pieces.reduce((sum, piece) => sum + piece.length, 0)),
    state: copy.state,
  };
}

/** A piece's digests on the wire. */
export function toPieceDigest(piece: Piece): pondhawkV1.PieceDigest {
  return {
    number: piece.number,
    offset: BigInt(piece.offset),
    length: BigInt(piece.length),
    crc32: piece.crc32,
    sha256: piece.sha256,
    hostId: piece.originHostId,
  };
}
