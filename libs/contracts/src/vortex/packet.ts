/** What both sides of a Vortex connection send: the framing in which pieces travel between peers. */

import { InvalidArgumentError } from '@pondhawk/core';

/** Tags of the packets in use. 64 and 65 are ours: requests and answers guarded against stale copies. */
export const VortexTag = {
  DownloadPiece: 0,
  PieceContent: 1,
  GuardedDownloadPiece: 64,
  GuardedPieceContent: 65,
  Close: 254,
  Error: 255,
} as const;
export type VortexTag = (typeof VortexTag)[keyof typeof VortexTag];

/** Codes of an Error packet. From 16 on they are ours and are only sent in answer to a guarded request. */
export const VortexErrorCode = {
  Unknown: 0,
  InvalidArgument: 1,
  NotFound: 2,
  Internal: 3,
  /** The parent has not applied what the child's fill counts on. */
  Behind: 16,
  /** The parent may not serve at the moment. */
  NoLease: 17,
  /** The copy is purged, or another one than asked for. */
  Gone: 18,
} as const;
export type VortexErrorCode = (typeof VortexErrorCode)[keyof typeof VortexErrorCode];

/** Bytes before the value: id, tag, length. */
export const VORTEX_HEADER_BYTES = 6;
/** Longest value that a server reads from a client. */
export const VORTEX_CLIENT_VALUE_BYTES_MAX = 4096;
/** Longest value that a client reads from a server: metadata with a digest and a parent id, or an error's text. */
export const VORTEX_SERVER_VALUE_BYTES_MAX = 8 * 1024;
/** Longest piece that a client accepts; the largest piece length plus room for other daemons' choices. */
export const VORTEX_PIECE_BYTES_MAX = 1024 * 1024 * 1024;

/** Asks for one piece of a task. */
export interface DownloadPiece {
  readonly kind: 'download-piece';
  /** 64 lower-case hex digits. */
  readonly taskId: string;
  readonly pieceNumber: number;
}

/** Asks for one piece of exactly one copy, on behalf of a fill that began at `filledAt`. */
export interface GuardedDownloadPiece {
  readonly kind: 'guarded-download-piece';
  readonly taskId: string;
  /** 32 lower-case hex digits. */
  readonly copyId: string;
  readonly pieceNumber: number;
  readonly filledAt: number;
  /** 32 lower-case hex digits. */
  readonly logEpoch: string;
}

/** What precedes a piece's bytes. */
export interface PieceMetadata {
  readonly number: number;
  /** Offset in the task, bytes. */
  readonly offset: number;
  /** Bytes that follow the packet. */
  readonly length: number;
  /** `crc32:<decimal>`, or empty. */
  readonly digest: string;
  /** Peer the sender had it from; may be empty. */
  readonly parentId: string;
  /** common.v2.TrafficType. */
  readonly trafficType: number;
  /** How long the sender took to get it, whole seconds. */
  readonly costSeconds: number;
  /** Unix seconds. */
  readonly createdAtSeconds: number;
}

/** Answers DownloadPiece; `metadata.length` bytes follow it. */
export interface PieceContent {
  readonly kind: 'piece-content';
  readonly metadata: PieceMetadata;
}

/** Answers GuardedDownloadPiece; `metadata.length` bytes follow it. */
export interface GuardedPieceContent {
  readonly kind: 'guarded-piece-content';
  readonly metadata: PieceMetadata;
  /** The sender's applied number. */
  readonly applied: number;
}

/** The sender is done with the connection. */
export interface ClosePacket {
  readonly kind: 'close';
}

/** The request cannot be answered. */
export interface ErrorPacket {
  readonly kind: 'error';
  /** A `VortexErrorCode`, or one of a newer daemon. */
  readonly code: number;
  readonly text: string;
}

/** What a client sends. */
export type VortexRequest = DownloadPiece | GuardedDownloadPiece | ClosePacket;
/** What a server sends. */
export type VortexAnswer = PieceContent | GuardedPieceContent | ErrorPacket | ClosePacket;
export type VortexMessage = VortexRequest | VortexAnswer;

/** A message with the id of the exchange it belongs to (0–255). */
export interface VortexPacket<M extends VortexMessage = VortexMessage> {
  readonly id: number;
  readonly message: M;
}

/** The error of every malformed packet: `VORTEX_MALFORMED`, the field in `details.field`. */
export function malformed(field: string, message: string): InvalidArgumentError {
  return new InvalidArgumentError('VORTEX_MALFORMED', `${field}: ${message}`, {
    details: { field },
  });
}
