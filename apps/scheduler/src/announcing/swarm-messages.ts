/** Between the messages of gRPC and the values of the swarm. */

import {
  toHostRecord,
  toPieceDigestValue,
  fromPieceDigestValue,
  commonV2,
  TEXT_LENGTH_MAX,
  type pondhawkV1,
} from '@pondhawk/contracts';
import {
  InvalidArgumentError,
  parseHostId,
  parsePeerId,
  parseTaskId,
  type HostId,
} from '@pondhawk/core';
import type {
  ContentFacts,
  HeldCopy,
  KnownPiece,
  SwarmEvent,
  SwarmPeer,
  TaskContent,
  VersionKey,
} from '@pondhawk/swarm';

/** Announce interval of daemons that do not tell theirs. */
const ANNOUNCE_INTERVAL_MS_DEFAULT = 300_000;
const PORT_MAX = 65_535;

/**
 * @throws InvalidArgumentError when the host's id, address or ports are none, or a text is longer than
 *   reports may carry: one such host would have the reports of all refused.
 */
export function toHostEvent(
  host: commonV2.Host,
  {
    intervalMs,
    uploadLimit,
    isGuarded,
  }: {
    readonly intervalMs: number | undefined;
    readonly uploadLimit: number;
    readonly isGuarded: boolean;
  },
): SwarmEvent {
  const badPort = [host.port, host.downloadPort].some((port) => port < 0 || port > PORT_MAX);
  if (host.ip === '' || badPort || host.port === 0) {
    throw new InvalidArgumentError(
      'INVALID_HOST',
      'host must have an ip and a port from 1 to 65535.',
      { details: { field: 'host' } },
    );
  }
  for (const [field, value] of Object.entries(toHostRecord(host))) {
    if (typeof value === 'string') checkLength(value, `host.${field}`, TEXT_LENGTH_MAX);
  }
  return {
    kind: 'host-announced',
    host: {
      id: parseHostId(host.id, 'host.id'),
      isSeed: host.type !== 0,
      isGuarded,
      idc: host.network?.idc ?? '',
      location: (host.network?.location ?? '').split('|').filter((part) => part !== ''),
      isShared: !host.disableShared,
      uploadLimit,
      announceIntervalMs: intervalMs ?? ANNOUNCE_INTERVAL_MS_DEFAULT,
    },
  };
}

/** Text that is equal only for the same version of a content. */
export function versionKey(validator: pondhawkV1.Validator | undefined): VersionKey {
  if (validator === undefined) return '';
  const length = validator.contentLengthKnown ? String(validator.contentLength) : '';
  return [validator.etag, validator.lastModified, length].join('\n');
}

/** The validator of a version key. */
export function fromVersionKey(version: VersionKey): pondhawkV1.Validator {
  const [etag = '', lastModified = '', length = ''] = version.split('\n');
  return {
    etag,
    lastModified,
    contentLength: BigInt(length === '' ? 0 : length),
    contentLengthKnown: length !== '',
  };
}

/** What a fetching host tells. @throws InvalidArgumentError on numbers too large or digests too short. */
export function toContentFacts(
  message: pondhawkV1.ReportPiecesRequest,
  hostId: HostId,
): ContentFacts {
  return {
    version: versionKey(message.validator),
    contentLengthBytes: message.contentLengthKnown
      ? toWhole(message.contentLength, 'content_length')
      : undefined,
    pieceLengthBytes: toWhole(message.pieceLength, 'piece_length'),
    pieces: message.pieces.map((piece) => toKnownPiece(piece, hostId)),
  };
}

/** A copy that a host tells of. @throws InvalidArgumentError as `toContentFacts`. */
export function toHeldCopy(record: pondhawkV1.CopyRecord, hostId: HostId): HeldCopy {
  return {
    taskId: parseTaskId(record.taskId),
    peerId: parsePeerId(`${hostId}-${record.copyId}`, 'copy_id'),
    version: versionKey(record.validator),
    contentLengthBytes: toWhole(record.contentLength, 'content_length'),
    pieceLengthBytes: toWhole(record.pieceLength, 'piece_length'),
    pieces: record.pieces.map((piece) => toKnownPiece(piece, hostId)),
  };
}

/** What is told to a child that watches the pieces of a task. */
export function toWatchResponse(
  content: TaskContent | undefined,
  pieces: Iterable<KnownPiece>,
  noneCanCome: boolean,
): pondhawkV1.WatchPiecesResponse {
  return {
    pieces: [...pieces].map(fromPieceDigestValue),
    contentLength: BigInt(content?.contentLengthBytes ?? 0),
    contentLengthKnown: content?.contentLengthBytes !== undefined,
    pieceLength: BigInt(content?.pieceLengthBytes ?? 0),
    validator: content === undefined ? undefined : fromVersionKey(content.version),
    noneCanCome,
  };
}

/** A parent as children are told of it: id and host are what they use, the rest is what other daemons insist on. */
export function toCandidateParent(peer: SwarmPeer, host: commonV2.Host): commonV2.Peer {
  return commonV2.Peer.fromPartial({
    id: peer.id,
    state: peer.state,
    host,
    task: { id: peer.taskId },
    cost: { seconds: 0n, nanos: 0 },
    createdAt: new Date(),
    updatedAt: new Date(),
  });
}

function toKnownPiece(message: pondhawkV1.PieceDigest, teller: HostId): KnownPiece {
  const value = toPieceDigestValue(message);
  return { ...value, hostId: value.hostId === '' ? teller : parseHostId(value.hostId) };
}

/** @throws InvalidArgumentError (`TEXT_TOO_LONG`). @returns the text. */
export function checkLength(value: string, field: string, lengthMax: number): string {
  if (value.length <= lengthMax) return value;
  throw new InvalidArgumentError(
    'TEXT_TOO_LONG',
    `${field} may have at most ${lengthMax} characters.`,
    { details: { field } },
  );
}

/** Unix ms of a time; 0 for none and for one that no report may carry. */
export function toTimeMs(time: Date | undefined): number {
  const ms = time?.getTime() ?? 0;
  return ms > 0 ? ms : 0; // Not for NaN either.
}

/** @throws InvalidArgumentError (`NUMBER_TOO_LARGE`) beyond what a number holds exactly. */
export function toWhole(value: bigint, field: string): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) {
    throw new InvalidArgumentError('NUMBER_TOO_LARGE', `${field} is too large.`, {
      details: { field },
    });
  }
  return Number(value);
}
