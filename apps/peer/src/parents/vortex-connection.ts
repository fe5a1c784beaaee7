import { type Socket, connect } from 'node:net';
import {
  type PieceMetadata,
  type VortexEvent,
  VortexReader,
  type VortexRequest,
  encodeVortexPacket,
} from '@pondhawk/contracts';
import {
  DataCorruptionError,
  NotFoundError,
  PondhawkError,
  UnavailableError,
  toError,
} from '@pondhawk/core';

/** A parent that sends nothing for so long is given up. */
export const PARENT_SILENCE_MS_MAX = 5_000;
/** Error codes below this are of every daemon; NotFound is the only one about the piece alone. */
const NOT_FOUND_CODE = 2;
const BEHIND_CODE = 16;
const NO_LEASE_CODE = 17;
const GONE_CODE = 18;

/** Why a parent does not send a piece at the moment. */
export type ParentRefusal = (typeof PARENT_REFUSALS)[number];
/** @see ParentRefusal */
export const PARENT_REFUSALS = ['behind', 'no_lease'] as const;

/** Bytes taken from the kernel at once; the only buffer of a connection. */
const READ_BYTES = 256 * 1024;

/** Takes a piece as it comes. */
export interface PieceReceiver {
  /** Before the first byte. Throws to refuse the piece. */
  onMetadata(metadata: PieceMetadata): void;
  /** The bytes are overwritten once this resolves. */
  onBytes(bytes: Buffer): Promise<void>;
}

/** One connection to a parent's piece port; one piece at a time. */
export class VortexConnection {
  private readonly reader = new VortexReader('server');
  private events: Iterator<VortexEvent> | undefined; // What is left of the last chunk.
  private nextId = 0;

  private constructor(
    private readonly socket: Socket,
    private readonly chunks: SocketChunks,
  ) {}

  /** @throws UnavailableError (`PARENT_UNREACHABLE`). */
  static async open(address: { host: string; port: number }): Promise<VortexConnection> {
    const chunks = new SocketChunks();
    const socket = connect({
      ...address,
      noDelay: true,
      timeout: PARENT_SILENCE_MS_MAX,
      onread: {
        buffer: Buffer.allocUnsafeSlow(READ_BYTES),
        callback: (byteCount, buffer) => chunks.receive(buffer.subarray(0, byteCount)),
      },
    });
    socket.on('timeout', () => socket.destroy(new Error('silent for too long')));
    socket.once('close', () => chunks.end());
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', (error) => reject(unreachable(error)));
    });
    socket.on('error', () => undefined); // Shown by the next read.
    return new VortexConnection(socket, chunks);
  }

  /**
   * Asks for one piece and passes it on. After an error the connection is of no more use, except a
   * `PIECE_NOT_HELD` or `PARENT_NOT_NOW`.
   *
   * @throws NotFoundError (`PIECE_NOT_HELD`), UnavailableError (`PARENT_NOT_NOW`, `PARENT_UNREACHABLE`, `PARENT_REFUSED`),
   *   DataCorruptionError (`PARENT_ANSWER_INVALID`), and what the receiver throws.
   */
  async fetch(request: VortexRequest, receiver: PieceReceiver): Promise<void> {
    const id = this.nextId;
    this.nextId = (this.nextId + 1) % 256;
    try {
      this.socket.write(encodeVortexPacket({ id, message: request }));
      await this.receive(receiver);
    } catch (error) {
      if (!isAnswer(error)) this.close();
      throw error instanceof PondhawkError ? error : unreachable(toError(error));
    }
  }

  /** Drops the connection. */
  close(): void {
    this.socket.destroy();
  }

  private async receive(receiver: PieceReceiver): Promise<void> {
    let hasMetadata = false;
    for (;;) {
      const event = await this.next();
      if (event.kind === 'payload') {
        if (!hasMetadata) throw invalid('bytes without metadata');
        await receiver.onBytes(event.bytes);
        if (event.isLast) return;
        continue;
      }
      const { message } = event;
      if (message.kind === 'error') throw refusal(message.code, message.text);
      if (message.kind !== 'piece-content' && message.kind !== 'guarded-piece-content') {
        throw invalid(message.kind);
      }
      receiver.onMetadata(message.metadata);
      hasMetadata = true;
    }
  }

  private async next(): Promise<VortexEvent> {
    for (;;) {
      const event = this.events?.next();
      if (event !== undefined && event.done !== true) return event.value;
      const chunk = await this.chunks.next(this.socket);
      if (chunk === undefined) throw unreachable(new Error('closed'));
      this.events = this.reader.feed(chunk);
    }
  }
}

/**
 * What a socket reads, one chunk at a time and always in the same buffer: the socket waits until the
 * chunk before has been used.
 */
class SocketChunks {
  private chunk: Uint8Array | undefined; // Read and not yet taken.
  private hasEnded = false;
  private isPaused = false;
  private wake: () => void = () => undefined; // Ends the present wait.

  /** For the socket: @returns false, which pauses it. */
  receive(chunk: Uint8Array): false {
    this.chunk = chunk;
    this.isPaused = true;
    this.wake();
    return false;
  }

  /** For the socket: nothing more comes. */
  end(): void {
    this.hasEnded = true;
    this.wake();
  }

  /** The next chunk, which overwrites the one before; undefined at the end. */
  async next(socket: Socket): Promise<Buffer | undefined> {
    if (this.chunk === undefined && this.isPaused) {
      this.isPaused = false;
      socket.resume();
    }
    while (this.chunk === undefined && !this.hasEnded) {
      await new Promise<void>((resolve) => (this.wake = resolve));
    }
    const { chunk } = this;
    this.chunk = undefined;
    return chunk && Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  }
}

/** Whether the parent has answered, and the connection can go on. */
export function isAnswer(error: unknown): boolean {
  return (
    error instanceof NotFoundError ||
    (error instanceof PondhawkError && error.code === 'PARENT_NOT_NOW')
  );
}

/** Why the parent would not send the piece at the moment; undefined if it was something else. */
export function refusalOf(error: Error): ParentRefusal | undefined {
  if (!(error instanceof PondhawkError)) return undefined;
  if (error.code === 'PARENT_NOT_NOW') return 'no_lease';
  return error.details['code'] === BEHIND_CODE ? 'behind' : undefined;
}

function refusal(code: number, text: string): Error {
  const details = { code, text: text.slice(0, 100) };
  if (code === NO_LEASE_CODE) {
    return new UnavailableError('PARENT_NOT_NOW', 'The parent has no lease at present.', {
      details,
    });
  }
  return code === NOT_FOUND_CODE || code === GONE_CODE
    ? new NotFoundError('PIECE_NOT_HELD', 'The parent does not hold the piece.', { details })
    : new UnavailableError('PARENT_REFUSED', `The parent refused the piece (code ${code}).`, {
        details,
      });
}

function invalid(why: string): DataCorruptionError {
  return new DataCorruptionError('PARENT_ANSWER_INVALID', `The parent sent ${why}.`);
}

function unreachable(cause: Error): UnavailableError {
  return new UnavailableError('PARENT_UNREACHABLE', 'The connection to the parent failed.', {
    cause,
  });
}
