/** Answers that have to be withheld at any moment: content that may be purged while it is sent. */

import type { ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import { InvariantError } from '@pondhawk/core';

/** Decides whether the messages of one call may leave. */
export interface AnswerGuard {
  /** Asked in the turn in which a message is handed to the transport. @throws why it may not leave. */
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
