import type { CopyId, TaskId } from '@pondhawk/core';

/** Which version of the origin's content a copy is; empty strings and absence where the origin says nothing. */
export interface Validator {
  readonly etag: string;
  readonly lastModified: string;
  readonly contentLength?: number;
}

/** `filling` → `complete` → `purged`, or `filling` → `purged`. Purged rows wait for their file to be unlinked. */
export type CopyState = 'filling' | 'complete' | 'purged';

/** What is known when a fill begins. */
export interface NewCopy {
  readonly taskId: TaskId;
  readonly url: string;
  readonly tag: string;
  readonly application: string;
  readonly filteredQueryParams?: readonly string[];
  /** Bytes. */
  readonly pieceLength: number;
  /** Bytes; absent while unknown. */
  readonly contentLength?: number;
  readonly validator: Validator;
  /** The whole-file digest asked for, `sha256:<hex>` and the like. */
  readonly digest?: string;
}

/** What may be learned of a copy while it is filled. */
export interface CopyUpdate {
  readonly contentLength?: number;
  readonly validator?: Validator;
  readonly pieceLength?: number;
}

/** A row of the store: what this host has of one task, by one fill. */
export interface Copy {
  readonly taskId: TaskId;
  readonly copyId: CopyId;
  readonly url: string;
  readonly tag: string;
  readonly application: string;
  readonly filteredQueryParams: readonly string[];
  readonly digest: string | undefined;
  readonly pieceLength: number;
  readonly contentLength: number | undefined;
  readonly validator: Validator;
  /** Purge log epoch and number in force when the row was written; never changed. */
  readonly logEpoch: string;
  readonly filledAt: number;
  readonly state: CopyState;
  readonly createdAtMs: number;
  /** Last use, local or by another peer. Uses of the last seconds may not be in the row yet. */
  readonly updatedAtMs: number;
  readonly finishedAtMs: number | undefined;
}

/** A piece that is whole on disk. */
export interface Piece {
  readonly number: number;
  /** Bytes from the start of the content. */
  readonly offset: number;
  readonly length: number;
  readonly crc32: number;
  /** 32 bytes. */
  readonly sha256: Buffer;
  /** The host that fetched it from the origin; empty if a foreign host told nothing of it. */
  readonly originHostId: string;
  /** The peer it was downloaded from; absent if from the origin. */
  readonly parentId: string | undefined;
  readonly createdAtMs: number;
}

/** A row as the deletion sees it. */
export interface PurgedCopy {
  readonly taskId: TaskId;
  readonly copyId: CopyId;
  /** Sum of the lengths of its whole pieces. */
  readonly storedBytes: number;
}
