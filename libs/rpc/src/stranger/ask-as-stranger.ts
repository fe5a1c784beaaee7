/** Asks a host for a task's bytes as anybody could, and what it says of the copy that they come from. */

import type { Client } from '@grpc/grpc-js';
import { askForCopy, type CopyWord, type HostWord } from './ask-for-copy.js';
import { askForPiece, type PiecePort, type PieceReply } from './ask-for-piece.js';

/** A host as its cluster knows it. */
export interface AskedHost {
  readonly ip: string;
  /** Of its gRPC service for other hosts. */
  readonly port: number;
  /** Where pieces are, if that is another port than `port` and the host does not say itself. */
  readonly downloadPort: number;
}

/** What is asked. */
export interface StrangerQuestion {
  readonly host: AskedHost;
  /** To that service. */
  readonly client: Client;
  readonly taskId: string;
  /** Who asks, as other daemons log it. */
  readonly askerId: string;
  /** For everything together. */
  readonly timeoutMs: number;
}

/** What a host did. */
export type StrangerAnswer =
  | {
      readonly kind: 'served';
      /** How many bytes came before the connection was closed. */
      readonly cameBytes: number;
      readonly pieceNumber: number;
      /** Length of the piece, as the host says. */
      readonly pieceBytes: number;
      /**
       * The copy that the bytes are of: the host named it, and sent the same bytes when it was asked for
       * the piece of that very copy. Absent if it names none, or the bytes are others.
       */
      readonly copy: CopyWord | undefined;
      /** Whether the host says that it holds anything of the task. */
      readonly isAdmitted: boolean;
    }
  | Exclude<PieceReply, { readonly kind: 'served' }>;

/**
 * Asks for piece 0, and for one that the host says it has. What a host says of its copies is believed
 * only as far as its bytes agree. Never rejects.
 */
export async function askAsStranger(question: StrangerQuestion): Promise<StrangerAnswer> {
  const endsAtMs = performance.now() + question.timeoutMs;
  const leftMs = (): number => Math.max(1, endsAtMs - performance.now());
  const { host, client, taskId, askerId } = question;
  // Whoever does not answer there may still serve pieces.
  const word = await askForCopy(client, taskId, { hostId: askerId, timeoutMs: leftMs() / 2 });
  const address = addressOf(host, word);
  if (address === undefined) return withoutAddress(host, word);
  let answer: StrangerAnswer = { kind: 'refused' };
  for (const pieceNumber of new Set([0, word.pieceNumber ?? 0])) {
    const request = { kind: 'download-piece', taskId, pieceNumber } as const;
    const reply = await askForPiece(address, request, leftMs());
    if (reply.kind === 'unreachable') answer = reply;
    if (reply.kind !== 'served') continue;
    // Asked anew: what came may be of a copy that was begun since the first word.
    const again = await askForCopy(client, taskId, { hostId: askerId, timeoutMs: leftMs() });
    const { copy } = again;
    const served = { ...reply, taskId, pieceNumber, address, timeoutMs: leftMs() };
    const isOfCopy = copy !== undefined && (await isOf(copy, served));
    return {
      kind: 'served',
      cameBytes: reply.bytes.length,
      pieceBytes: reply.pieceBytes,
      pieceNumber,
      copy: isOfCopy ? copy : undefined,
      isAdmitted: copy !== undefined || again.pieceNumber !== undefined,
    };
  }
  return answer;
}

function addressOf(
  { ip, port, downloadPort }: AskedHost,
  { piecePort }: HostWord,
): PiecePort | undefined {
  if (piecePort !== undefined) return { host: ip, port: piecePort };
  return downloadPort > 0 && downloadPort !== port ? { host: ip, port: downloadPort } : undefined;
}

function withoutAddress({ ip, port }: AskedHost, { unreachable }: HostWord): StrangerAnswer {
  const reason =
    unreachable === undefined
      ? `${ip}:${port} does not say where it serves pieces.`
      : `No answer from ${ip}:${port} (${unreachable}).`;
  return { kind: 'unreachable', reason };
}

/** Whether a piece of exactly this copy begins with the bytes that came. */
async function isOf(
  { copyId, logEpoch, filledAt }: CopyWord,
  served: {
    readonly bytes: Buffer;
    readonly pieceBytes: number;
    readonly taskId: string;
    readonly pieceNumber: number;
    readonly address: PiecePort;
    readonly timeoutMs: number;
  },
): Promise<boolean> {
  const { taskId, pieceNumber, bytes, pieceBytes } = served;
  const kind = 'guarded-download-piece' as const;
  const request = { kind, taskId, pieceNumber, copyId, logEpoch, filledAt };
  const reply = await askForPiece(served.address, request, served.timeoutMs);
  if (reply.kind !== 'served' || reply.pieceBytes !== pieceBytes) return false;
  // Both are cut where enough had come, which need not be the same place.
  const bytesBoth = Math.min(reply.bytes.length, bytes.length);
  const isCutToNothing = bytesBoth === 0 && pieceBytes > 0;
  return !isCutToNothing && reply.bytes.subarray(0, bytesBoth).equals(bytes.subarray(0, bytesBoth));
}
