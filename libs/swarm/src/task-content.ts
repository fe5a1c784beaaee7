import type { ContentFacts } from './swarm-event.js';
import type { KnownPiece, TaskContent } from './swarm-model.js';

/** What a host's word changes. */
export interface MergedContent {
  readonly content: TaskContent;
  /** Pieces that were not known before. */
  readonly fresh: KnownPiece[];
  /** Numbers of pieces of which somebody else had told something else. */
  readonly conflicts: number[];
}

/**
 * Merges what a host tells into what is known. Another version replaces everything; within one, the
 * first word about a piece stays, because children may have checked against it already.
 */
export function mergeContent(known: TaskContent | undefined, told: ContentFacts): MergedContent {
  const isSame = known !== undefined && known.version === told.version;
  const content: TaskContent = {
    version: told.version,
    pieceLengthBytes: told.pieceLengthBytes,
    contentLengthBytes: told.contentLengthBytes ?? (isSame ? known.contentLengthBytes : undefined),
    pieces: isSame ? known.pieces : new Map<number, KnownPiece>(),
  };
  const fresh: KnownPiece[] = [];
  const conflicts: number[] = [];
  for (const piece of told.pieces) {
    const before = content.pieces.get(piece.number);
    if (before === undefined) {
      content.pieces.set(piece.number, piece);
      fresh.push(piece);
    } else if (before.crc32 !== piece.crc32 || before.sha256 !== piece.sha256) {
      conflicts.push(piece.number);
    }
  }
  return { content, fresh, conflicts };
}
