/** What happens to a swarm, and what follows for the world outside. */

import type { HostId, PeerId, TaskId } from '@pondhawk/core';
import type { KnownPiece, SwarmHost, VersionKey } from './swarm-model.js';

/** What a host tells of its pieces or copies of one version of a task. */
export interface ContentFacts {
  readonly version: VersionKey;
  readonly contentLengthBytes: number | undefined;
  readonly pieceLengthBytes: number;
  readonly pieces: readonly KnownPiece[];
}

/** A complete copy on a host. */
export interface HeldCopy extends ContentFacts {
  readonly taskId: TaskId;
  readonly peerId: PeerId;
}

/** Names of one peer of one task. */
export interface PeerNames {
  readonly peerId: PeerId;
  readonly hostId: HostId;
  readonly taskId: TaskId;
}

/** Everything that can happen. */
export type SwarmEvent =
  | {
      readonly kind: 'host-announced';
      readonly host: Omit<SwarmHost, 'announcedAtMs' | 'tellsCopies'>;
    }
  | { readonly kind: 'host-left'; readonly hostId: HostId }
  | ({
      readonly kind: 'peer-registered';
      readonly needsBackToSource: boolean;
      readonly isEmpty: boolean;
    } & PeerNames)
  | { readonly kind: 'peer-started'; readonly peerId: PeerId }
  | { readonly kind: 'peer-back-to-source'; readonly peerId: PeerId }
  | {
      readonly kind: 'peer-rescheduled';
      readonly peerId: PeerId;
      readonly failedParents: readonly PeerId[];
    }
  | { readonly kind: 'piece-finished'; readonly peerId: PeerId; readonly costMs: number }
  | { readonly kind: 'piece-failed'; readonly peerId: PeerId; readonly parentId: PeerId }
  | { readonly kind: 'peer-succeeded'; readonly peerId: PeerId }
  | { readonly kind: 'peer-failed'; readonly peerId: PeerId }
  | { readonly kind: 'peer-left'; readonly peerId: PeerId }
  | { readonly kind: 'task-deleted'; readonly hostId: HostId; readonly taskId: TaskId }
  | {
      readonly kind: 'copies-told';
      readonly hostId: HostId;
      readonly copies: readonly HeldCopy[];
      readonly isInventoryStart: boolean;
    }
  | ({ readonly kind: 'pieces-told'; readonly facts: ContentFacts } & PeerNames)
  | { readonly kind: 'seed-failed'; readonly taskId: TaskId }
  | { readonly kind: 'tick' };

/** What is to be done outside, in order. */
export type SwarmEffect =
  | { readonly kind: 'send-parents'; readonly peerId: PeerId; readonly parents: readonly PeerId[] }
  | { readonly kind: 'send-back-to-source'; readonly peerId: PeerId; readonly reason: string }
  | {
      readonly kind: 'ask-seed';
      readonly hostId: HostId;
      readonly taskId: TaskId;
      readonly forPeerId: PeerId;
    }
  | {
      readonly kind: 'pieces-known';
      readonly taskId: TaskId;
      readonly pieces: readonly KnownPiece[];
    }
  | { readonly kind: 'peer-gone'; readonly peerId: PeerId }
  | {
      readonly kind: 'pieces-conflict';
      readonly taskId: TaskId;
      readonly hostId: HostId;
      readonly number: number;
    };
