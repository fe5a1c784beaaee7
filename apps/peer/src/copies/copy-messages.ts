import type { dfdaemonV2, pondhawkV1 } from '@pondhawk/contracts';
import { countPieces } from '@pondhawk/pieces';
import type { Copy, Piece } from './copy.js';

/** A copy as every daemon of the family tells of it. */
export function toStatLocalTask(
  copy: Copy,
  uses: { readonly readers: number; readonly served: number },
): dfdaemonV2.StatLocalTaskResponse {
  return {
    taskId: copy.taskId,
    pieceLength: BigInt(copy.pieceLength),
    contentLength: copy.contentLength === undefined ? undefined : BigInt(copy.contentLength),
    responseHeader: {},
    uploadingCount: BigInt(uses.readers),
    uploadedCount: BigInt(uses.served),
    createdAt: new Date(copy.createdAtMs),
    updatedAt: new Date(copy.updatedAtMs),
    prefetchedAt: undefined,
    failedAt: undefined,
    finishedAt: dateOf(copy.finishedAtMs),
  };
}

function dateOf(unixMs: number | undefined): Date | undefined {
  return unixMs === undefined ? undefined : new Date(unixMs);
}

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
    validator: {
      etag: copy.validator.etag,
      lastModified: copy.validator.lastModified,
      contentLength: BigInt(copy.validator.contentLength ?? 0),
      contentLengthKnown: copy.validator.contentLength !== undefined,
    },
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
