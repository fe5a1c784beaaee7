/** Answers that have to be withheld at any moment: content that may be purged while it is sent. */

import type { ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import { InvariantError } from '@pondhawk/core';

/** What is handed to the transport at once of a guarded answer: 256 KiB of content, and room for what a message has around it. */
export const GUARDED_WRITE_BYTES_MAX = 257 * 1024;

/** Decides whether the messages of one call may leave. */
export interface AnswerGuard {
  /** Asked in the turn in which a message, or a slice of a long one, is handed to the transport. @throws why it may not leave. */
  check(): void;
  /**
   * Calls `withhold` in the turn from which on nothing may leave. It may be called again.
   *
   * @returns how to stop listening.
   */
  onRevoked(withhold: (reason: Error) => void): () => void;
  /** A message that the transport holds for longer, because the caller does not read, is withheld. Default: no limit. */
  readonly heldMsMax?: number;
}

/**
 * The HTTP/2 stream under a call of grpc-js, which has no public way to it. `answer-guard.spec.ts`
 * fails should a new version keep it elsewhere.
 */
export function http2StreamOf(call: object): ServerHttp2Stream {
  const { stream } = (call as { call?: { stream?: ServerHttp2Stream } }).call ?? {};
  if (stream === undefined) throw new InvariantError('INTERNAL', 'A call without a stream.');
  return stream;
}

type Written = (error?: Error | null) => void;

/**
 * Has the transport take long messages in slices: each after the kernel has all of the one before,
 * and after `mayGoOn`. A foreign caller's message is a whole piece.
 *
 * @param mayGoOn false: the rest is dropped, and whoever said so ends the call.
 */
export function sliceWrites(stream: ServerHttp2Stream, mayGoOn: () => boolean): void {
  const write = stream.write.bind(stream);
  const writeSliced = (message: Buffer, written: Written): boolean => {
    let at = 0;
    const next: Written = (error) => {
      if (error || at >= message.length) written(error);
      else if (at === 0 || mayGoOn()) {
        const slice = message.subarray(at, at + GUARDED_WRITE_BYTES_MAX);
        at += slice.length;
        write(slice, next);
      }
    };
    next();
    return true;
  };
  // grpc-js writes a message by one call of this form.
  stream.write = writeSliced as typeof stream.write;
}

/**
 * Destroys the connection under a stream: the kernel gets no byte more of what is queued for it. A
 * reset of the stream alone would not do, as frames that wait for a slow reader are behind it already.
 */
export function destroyConnection({ session }: ServerHttp2Stream): void {
  if (session === undefined || session.destroyed) return;
  // A session lets nobody at its socket, except through methods that give the socket itself back.
  const socket: Socket = session.socket.removeListener('close', nobody);
  socket.destroy();
}

function nobody(): void {
  // Never listens.
}
