/** The messages in which a download is told. */

import {
  CONTENT_LENGTH_KEY,
  type commonV2,
  dfdaemonV2,
  formatCrc32Digest,
} from '@pondhawk/contracts';
import { Metadata } from '@pondhawk/rpc';
import type { Piece } from '../copies/index.js';

/** What one message says. */
export type DownloadResponse = NonNullable<dfdaemonV2.DownloadTaskResponse['response']>;

/** A piece as it is told; one that was not stored has less to it. */
export type ToldPiece = Pick<Piece, 'number' | 'offset' | 'length' | 'crc32' | 'createdAtMs'> & {
  readonly parentId: string | undefined;
};

/** The first message. */
export function startedResponse(content: {
  /** Bytes; undefined: told at the end. */
  readonly contentLength: number | undefined;
  /** All of it is here already. */
  readonly isFinished: boolean;
}): DownloadResponse {
  return {
    $case: 'downloadTaskStartedResponse',
    value: dfdaemonV2.DownloadTaskStartedResponse.create({
      contentLength: BigInt(content.contentLength ?? 0),
      isFinished: content.isFinished,
    }),
  };
}

/** A piece, or a part of it with its bytes. */
export function pieceResponse(
  piece: ToldPiece,
  part?: { offset: number; content: Buffer },
): DownloadResponse {
  const message: commonV2.Piece = {
    number: piece.number,
    parentId: piece.parentId,
    offset: BigInt(part?.offset ?? piece.offset),
    length: BigInt(part?.content.length ?? piece.length),
    digest: formatCrc32Digest(piece.crc32),
    content: part?.content,
    trafficType: piece.parentId === undefined ? 0 : 1,
    cost: { seconds: 0n, nanos: 0 },
    createdAt: new Date(piece.createdAtMs),
  };
  return { $case: 'downloadPieceFinishedResponse', value: { piece: message } };
}

/** Initial metadata of a download whose length is told at its end. */
export function unknownLength(): Metadata {
  const metadata = new Metadata();
  metadata.set(CONTENT_LENGTH_KEY, 'unknown');
  return metadata;
}
