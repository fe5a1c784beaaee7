/** One question at a piece port, from somebody who stores nothing of the answer. */

import { connect } from 'node:net';
import { encodeVortexPacket, VortexReader, type VortexRequest } from '@pondhawk/contracts';
import { toError } from '@pondhawk/core';

/** Bytes of a piece that are looked at; then the connection is closed. */
export const LOOKED_AT_BYTES_MAX = 64 * 1024;

/** A piece port. */
export interface PiecePort {
  readonly host: string;
  readonly port: number;
}

/** What a piece port did when it was asked. */
export type PieceReply =
  /** It sent bytes of the piece, or said that the piece has none. */
  | {
      readonly kind: 'served';
      /** Length of the piece, as the host says. */
      readonly pieceBytes: number;
      /** What came, up to `LOOKED_AT_BYTES_MAX`. */
      readonly bytes: Buffer;
    }
  /** It answered that it does not send it. */
  | { readonly kind: 'refused' }
  /** Nothing can be said of what it would serve. */
  | { readonly kind: 'unreachable'; readonly reason: string };

/** Asks for a piece on a connection of its own. Never rejects: what goes wrong is a reply too. */
export async function askForPiece(
  address: PiecePort,
  request: VortexRequest,
  timeoutMs: number,
): Promise<PieceReply> {
  const where = `${address.host}:${address.port}`;
  return new Promise<PieceReply>((resolve) => {
    const answer = new PieceAnswer();
    const socket = connect({ host: address.host, port: address.port, noDelay: true });
    const end = (failure: string): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(answer.reply ?? { kind: 'unreachable', reason: failure });
    };
    const timer = setTimeout(
      () => end(`No answer from ${where} within ${Math.ceil(timeoutMs)} ms.`),
      timeoutMs,
    );
    socket.on('error', (error) => end(`No connection to ${where} (${error.message}).`));
    socket.once('close', () => end(`${where} closed the connection without an answer.`));
    socket.on('data', (chunk) => {
      try {
        answer.take(chunk);
      } catch (error) {
        end(`${where} does not speak as a peer does (${toError(error).message}).`);
        return;
      }
      if (answer.isEnough) end('');
    });
    socket.write(encodeVortexPacket({ id: 0, message: request }));
  });
}

/** What has come of an answer. */
class PieceAnswer {
  private readonly reader = new VortexReader('server');
  private pieceBytes: number | undefined; // Set once the piece is announced.
  private readonly parts: Buffer[] = [];
  private cameBytes = 0;
  private isRefused = false;
  private isWhole = false;

  /** @throws InvalidArgumentError (`VORTEX_MALFORMED`). */
  take(chunk: Buffer): void {
    for (const event of this.reader.feed(chunk)) {
      if (event.kind === 'payload') {
        this.parts.push(Buffer.from(event.bytes));
        this.cameBytes += event.bytes.length;
        this.isWhole ||= event.isLast;
      } else if (
        event.message.kind === 'piece-content' ||
        event.message.kind === 'guarded-piece-content'
      ) {
        this.pieceBytes = event.message.metadata.length;
      } else if (event.message.kind === 'error') this.isRefused = true;
      if (this.isEnough) return;
    }
  }

  get isEnough(): boolean {
    return this.isRefused || this.isWhole || this.cameBytes >= LOOKED_AT_BYTES_MAX;
  }

  /** A piece that was announced and of which no byte came is not served. */
  get reply(): PieceReply | undefined {
    const { pieceBytes } = this;
    if (pieceBytes !== undefined && (this.cameBytes > 0 || this.isWhole)) {
      const bytes = Buffer.concat(this.parts).subarray(0, LOOKED_AT_BYTES_MAX);
      return { kind: 'served', pieceBytes, bytes };
    }
    return this.isRefused ? { kind: 'refused' } : undefined;
  }
}
