import type { Socket } from 'node:net';
import { crc32 } from 'node:zlib';
import { DataCorruptionError, UnavailableError } from '@pondhawk/core';
import type { CopyReader, Piece } from '../copies/index.js';
import type { ServingGate } from '../lease/index.js';
import type { RateLimiter } from '../rate-limit/index.js';
import { CHUNK_BYTES, type ChunkPool } from './chunk-pool.js';

/** What sending needs. */
export interface PieceSenderParts {
  readonly chunks: ChunkPool;
  readonly limiter: RateLimiter;
  readonly gate: ServingGate;
  /** Told of bytes handed to the kernel. */
  readonly onSent: (bytes: number) => void;
}

/** One piece on its way to a socket. */
export interface Sending {
  readonly socket: Socket;
  readonly reader: CopyReader;
  readonly piece: Piece;
  /** The packet before the bytes. */
  readonly header: Buffer;
  /** Aborted when the socket is gone. */
  readonly signal: AbortSignal;
}

/**
 * Sends one piece from disk. While one chunk is on its way to the kernel the next is read, so that
 * two chunks of memory serve a connection. The last chunk leaves only once the checksum of the whole
 * piece is right.
 *
 * @throws DataCorruptionError (`PIECE_CORRUPT`) if the bytes on disk are not what they were; the
 *   caller must then destroy the socket, because the child waits for bytes that will not come.
 * @throws CopyPurgedError in the turn after a purge; UnavailableError (`CHILD_GONE`, `LEASE_LOST`).
 */
export async function sendPiece(sending: Sending, parts: PieceSenderParts): Promise<void> {
  const buffers = [parts.chunks.take(), parts.chunks.take()] as const;
  let flushed: Promise<void> = Promise.resolve();
  try {
    const { piece, socket, header } = sending;
    if (piece.length === 0) {
      check(sending, parts.gate);
      await write(socket, [header]);
      return;
    }
    let crc = 0;
    for (let at = 0, turn = 0; at < piece.length; turn += 1) {
      const buffer = turn % 2 === 0 ? buffers[0] : buffers[1];
      const chunk = await readChunk(sending, buffer, at);
      crc = crc32(chunk, crc);
      const isLast = at + chunk.length === piece.length;
      if (isLast && crc !== piece.crc32) throw corrupt(piece);
      await parts.limiter.take(chunk.length, sending.signal);
      await flushed;
      check(sending, parts.gate);
      flushed = write(socket, at === 0 ? [header, chunk] : [chunk]);
      flushed.catch(() => undefined); // Awaited before the next write or at the end.
      at += chunk.length;
      parts.onSent(chunk.length);
    }
    await flushed;
  } finally {
    // A buffer that the socket may still read from must not be used again.
    const release = (): void => buffers.forEach((buffer) => parts.chunks.release(buffer));
    flushed.then(release, () => undefined);
  }
}

async function readChunk(sending: Sending, buffer: Buffer, at: number): Promise<Buffer> {
  const { piece, reader } = sending;
  const length = Math.min(CHUNK_BYTES, piece.length - at);
  const read = await reader.read(buffer, { position: piece.offset + at, length });
  if (read < length) throw corrupt(piece);
  return buffer.subarray(0, length);
}

/** R3, in the turn of the write that follows. */
function check({ reader, socket }: Sending, gate: ServingGate): void {
  reader.signal.throwIfAborted();
  gate.require();
  if (socket.destroyed) throw childGone();
}

/** Resolves when the kernel has taken all of it. */
function write(socket: Socket, parts: readonly Buffer[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const done = (error?: Error | null): void => {
      socket.removeListener('close', onClose);
      if (error) reject(childGone(error));
      else resolve();
    };
    const onClose = (): void => reject(childGone());
    socket.once('close', onClose);
    socket.cork();
    parts.forEach((part, index) => {
      if (index === parts.length - 1) socket.write(part, done);
      else socket.write(part);
    });
    socket.uncork();
  });
}

function corrupt(piece: Piece): DataCorruptionError {
  return new DataCorruptionError('PIECE_CORRUPT', 'A piece on disk is not what it was.', {
    details: { number: piece.number },
  });
}

function childGone(cause?: Error): UnavailableError {
  return new UnavailableError('CHILD_GONE', 'The child closed its connection.', {
    ...(cause === undefined ? {} : { cause }),
  });
}
