/** What a scheduler remembers: hosts, tasks and peers. Only `Swarm` changes any of it. */

import type { PieceCosts } from './piece-costs.js';
import type { HostId, PeerId, TaskId } from '@pondhawk/core';
import type { PeerState } from './peer-state.js';
import type { TaskState } from './task-state.js';

/** A host, as it announced itself. */
export interface SwarmHost {
  readonly id: HostId;
  readonly isSeed: boolean;
  /** Whether it says where it stands in the purge log when it serves, as only our own daemons do. */
  readonly isGuarded: boolean;
  readonly idc: string;
  /** Parts of the location, outermost first. */
  readonly location: readonly string[];
  /** Whether other hosts may download from it. */
  readonly isShared: boolean;
  /** Most peers it serves at once. */
  readonly uploadLimit: number;
  /** How often it announces itself; silent for twice as long, it is gone. */
  readonly announceIntervalMs: number;
  announcedAtMs: number;
  /** Whether it has told what it holds, as only our own daemons do. */
  tellsCopies: boolean;
}

/** What tells one version of a task's content from another, as text to compare. */
export type VersionKey = string;

/** A piece as the host that fetched it from the origin told it. */
export interface KnownPiece {
  readonly number: number;
  readonly offsetBytes: number;
  readonly lengthBytes: number;
  readonly crc32: number;
  /** Hex; undefined when only a foreign host told of it. */
  readonly sha256: string | undefined;
  readonly hostId: HostId;
}

/** What is known of a task's content. */
export interface TaskContent {
  readonly version: VersionKey;
  readonly contentLengthBytes: number | undefined;
  readonly pieceLengthBytes: number;
  readonly pieces: Map<number, KnownPiece>;
}

/** A task and its peers. */
export interface SwarmTask {
  readonly id: TaskId;
  state: TaskState;
  readonly peers: Map<PeerId, SwarmPeer>;
  /** Set from the first word about pieces on. */
  content: TaskContent | undefined;
  /** The seed that was asked to fetch it; unset once that seed has come to an end. */
  askedSeed: HostId | undefined;
  readonly createdAtMs: number;
  updatedAtMs: number;
}

/** One host's participation in one task. */
export interface SwarmPeer {
  readonly id: PeerId;
  readonly hostId: HostId;
  readonly taskId: TaskId;
  state: PeerState;
  readonly needsBackToSource: boolean;
  /** Edges of the task's graph, both ways. Free of cycles. */
  readonly parents: Set<PeerId>;
  readonly children: Set<PeerId>;
  /** Peers that failed this one as parents. */
  readonly blockedParents: Set<PeerId>;
  /** Set while the peer waits for an answer. */
  waitingSinceMs: number | undefined;
  /** Answers of a register or reschedule so far. */
  scheduleCount: number;
  /** Version of what it holds; undefined while unknown. */
  version: VersionKey | undefined;
  /** How long its pieces took. */
  readonly pieceCosts: PieceCosts;
  finishedPieces: number;
  readonly createdAtMs: number;
  updatedAtMs: number;
}
