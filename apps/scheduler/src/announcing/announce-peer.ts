/** One download's conversation with its scheduler. */

import type { schedulerV2 } from '@pondhawk/contracts';
import {
  InvalidArgumentError,
  parseHostId,
  parsePeerId,
  parseTaskId,
  toError,
  type HostId,
  type PeerId,
} from '@pondhawk/core';
import type { PeerNames, SwarmEvent } from '@pondhawk/swarm';
import { hasEnded } from '@pondhawk/swarm';
import { Mailbox } from './mailbox.js';
import type { SwarmLoop } from './swarm-loop.js';

type Request = schedulerV2.AnnouncePeerRequest;
type Response = schedulerV2.AnnouncePeerResponse;

const MS_PER_SECOND = 1_000;
const NS_PER_MS = 1_000_000;
/** Longest time that a piece may be said to have taken: a day. */
const PIECE_COST_MS_MAX = 86_400_000;

/**
 * Plays the server's side of AnnouncePeer: one answer a register or reschedule, and the stream ends
 * after the terminal message, for which clients wait. A stream that ends without one takes its peer
 * along, unless that has ended.
 *
 * @param requireHolder throws unless the caller may speak in the name of the host.
 */
export async function* announcePeer(
  loop: SwarmLoop,
  requests: AsyncIterable<Request>,
  requireHolder: (hostId: HostId) => void,
): AsyncGenerator<Response, void, undefined> {
  const mailbox = new Mailbox<Response>();
  const reading = read({ loop, requests, requireHolder }, mailbox);
  try {
    yield* mailbox;
  } finally {
    mailbox.close();
  }
  await reading;
}

async function read(
  input: {
    readonly loop: SwarmLoop;
    readonly requests: AsyncIterable<Request>;
    readonly requireHolder: (hostId: HostId) => void;
  },
  mailbox: Mailbox<Response>,
): Promise<void> {
  const { loop, requests, requireHolder } = input;
  let peerId: PeerId | undefined;
  try {
    for await (const request of requests) {
      const names = parseNames(request);
      if (peerId !== undefined && peerId !== names.peerId) {
        throw new InvalidArgumentError(
          'INVALID_PEER_ID',
          'peer_id may not change within a stream.',
          { details: { field: 'peer_id' } },
        );
      }
      requireHolder(names.hostId);
      if (peerId === undefined) loop.answers.set(names.peerId, mailbox);
      peerId = names.peerId;
      if (apply(loop, names, request)) break;
    }
    mailbox.close();
  } catch (thrown) {
    mailbox.close(toError(thrown));
  } finally {
    if (peerId !== undefined) leave(loop, peerId, mailbox);
  }
}

function leave(loop: SwarmLoop, peerId: PeerId, mailbox: Mailbox<Response>): void {
  if (loop.answers.get(peerId) !== mailbox) return; // The same peer came back on another stream.
  loop.answers.delete(peerId);
  const peer = loop.swarm.peers.get(peerId);
  if (peer !== undefined && !hasEnded(peer.state)) loop.apply({ kind: 'peer-left', peerId });
}

function parseNames(request: Request): PeerNames {
  return {
    hostId: parseHostId(request.hostId),
    taskId: parseTaskId(request.taskId),
    peerId: parsePeerId(request.peerId),
  };
}

/** Applies one message. @returns whether it was the terminal one. */
function apply(loop: SwarmLoop, names: PeerNames, { request }: Request): boolean {
  if (request === undefined) {
    throw new InvalidArgumentError('INVALID_ANNOUNCEMENT', 'request must be set.', {
      details: { field: 'request' },
    });
  }
  if (request.$case === 'registerPeerRequest') {
    register(loop, names, request.value);
    return false;
  }
  const event = toEvent(names.peerId, request);
  if (event !== undefined) loop.apply(event);
  return TERMINAL.has(request.$case);
}

const TERMINAL: ReadonlySet<string> = new Set([
  'downloadPeerFinishedRequest',
  'downloadPeerBackToSourceFinishedRequest',
  'downloadPeerFailedRequest',
  'downloadPeerBackToSourceFailedRequest',
]);

function register(
  loop: SwarmLoop,
  names: PeerNames,
  { download }: schedulerV2.RegisterPeerRequest,
): void {
  if (download === undefined) {
    throw new InvalidArgumentError('INVALID_ANNOUNCEMENT', 'download must be set.', {
      details: { field: 'register_peer_request.download' },
    });
  }
  if (!loop.swarm.hosts.has(names.hostId)) {
    throw new InvalidArgumentError(
      'HOST_NOT_ANNOUNCED',
      `host_id ${names.hostId} has not announced itself.`,
      { details: { field: 'host_id' } },
    );
  }
  loop.downloads.set(names.peerId, download);
  if (download.metadataOnly) {
    loop.answers
      .get(names.peerId)
      ?.post({ response: { $case: 'metadataOnlyResponse', value: {} } });
  }
  loop.apply({
    kind: 'peer-registered',
    ...names,
    needsBackToSource: download.needBackToSource,
    isEmpty: false,
  });
}

type LaterRequest = Exclude<NonNullable<Request['request']>, { $case: 'registerPeerRequest' }>;

function toEvent(peerId: PeerId, request: LaterRequest): SwarmEvent | undefined {
  switch (request.$case) {
    case 'downloadPeerStartedRequest':
      return { kind: 'peer-started', peerId };
    case 'downloadPeerBackToSourceStartedRequest':
      return { kind: 'peer-back-to-source', peerId };
    case 'reschedulePeerRequest':
      return {
        kind: 'peer-rescheduled',
        peerId,
        failedParents: request.value.candidateParents.map(({ id }) =>
          parsePeerId(id, 'candidate_parents.id'),
        ),
      };
    case 'downloadPieceFinishedRequest':
    case 'downloadPieceBackToSourceFinishedRequest':
      return { kind: 'piece-finished', peerId, costMs: costMs(request.value.piece?.cost) };
    case 'downloadPieceFailedRequest':
      return toPieceFailed(peerId, request.value.parentId);
    case 'downloadPieceBackToSourceFailedRequest':
      return undefined; // The peer says later whether the download as a whole failed.
    default:
      return { kind: FAILURES.has(request.$case) ? 'peer-failed' : 'peer-succeeded', peerId };
  }
}

/** The terminal messages of a download that failed. */
const FAILURES: ReadonlySet<string> = new Set([
  'downloadPeerFailedRequest',
  'downloadPeerBackToSourceFailedRequest',
]);

function toPieceFailed(peerId: PeerId, parentId: string): SwarmEvent | undefined {
  // Foreign daemons leave the parent out when every parent of the piece failed.
  if (parentId === '') return undefined;
  return { kind: 'piece-failed', peerId, parentId: parsePeerId(parentId, 'parent_id') };
}

/** @throws InvalidArgumentError (`INVALID_COST`): a cost outside of all reason would spoil the means of parents. */
function costMs(cost: { seconds: bigint; nanos: number } | undefined): number {
  if (cost === undefined) return 0;
  const ms = Number(cost.seconds) * MS_PER_SECOND + cost.nanos / NS_PER_MS;
  if (ms >= 0 && ms <= PIECE_COST_MS_MAX) return ms;
  throw new InvalidArgumentError(
    'INVALID_COST',
    `piece.cost must be from 0 to ${PIECE_COST_MS_MAX} ms.`,
    { details: { field: 'piece.cost' } },
  );
}
