/** Takes a connection's bytes as they come and gives messages and slices of pieces. */

import { decodeVortexMessage } from './decode.js';
import {
  malformed,
  VORTEX_CLIENT_VALUE_BYTES_MAX,
  VORTEX_HEADER_BYTES,
  VORTEX_PIECE_BYTES_MAX,
  VORTEX_SERVER_VALUE_BYTES_MAX,
  VortexTag,
  type VortexMessage,
} from './packet.js';

/** What the reader found: a message, or bytes of the piece whose message came last. */
export type VortexEvent =
  | { readonly kind: 'message'; readonly id: number; readonly message: VortexMessage }
  | {
      readonly kind: 'payload';
      readonly id: number;
      /** A view into the chunk that was fed in: use or copy it before the chunk is reused. */
      readonly bytes: Buffer;
      /** Bytes of the piece before these. */
      readonly offset: number;
      /** True for the slice that ends the piece. Of a piece of 0 bytes one empty slice is given. */
      readonly isLast: boolean;
    };

/** Which side the bytes come from, hence which tags may come and how long they may be. */
export type VortexSender = 'client' | 'server';

const TAGS_OF: Record<VortexSender, ReadonlySet<number>> = {
  client: new Set([VortexTag.DownloadPiece, VortexTag.GuardedDownloadPiece, VortexTag.Close]),
  server: new Set([
    VortexTag.PieceContent,
    VortexTag.GuardedPieceContent,
    VortexTag.Error,
    VortexTag.Close,
  ]),
};

const VALUE_BYTES_MAX: Record<VortexSender, number> = {
  client: VORTEX_CLIENT_VALUE_BYTES_MAX,
  server: VORTEX_SERVER_VALUE_BYTES_MAX,
};

/**
 * One for each connection and direction. Between packets it holds at most one packet's header and value, which are
 * bounded; a piece's bytes are handed on as they come and never held. After an error it is of no more use: destroy the
 * connection.
 */
export class VortexReader {
  /** Bytes of a packet that is not whole yet; never more than header and longest value. */
  private held: Buffer = Buffer.alloc(0);
  /** Bytes of the present piece still to come, and those that came. 0 between pieces. */
  private payloadLeft = 0;
  private payloadDone = 0;
  private payloadId = 0;

  constructor(private readonly sender: VortexSender) {}

  /** Whether the stream may end here without cutting anything off. */
  get isBetweenPackets(): boolean {
    return this.held.length === 0 && this.payloadLeft === 0;
  }

  /**
   * What is complete with this chunk, in order.
   *
   * @throws InvalidArgumentError (`VORTEX_MALFORMED`) at the first byte that shows that the sender does not speak Vortex.
   */
  *feed(chunk: Buffer): Generator<VortexEvent, void, undefined> {
    let rest = chunk;
    while (rest.length > 0) {
      if (this.payloadLeft > 0) {
        const bytes = rest.subarray(0, this.payloadLeft);
        rest = rest.subarray(bytes.length);
        yield this.takePayload(bytes);
        continue;
      }
      rest = this.hold(rest);
      const packetBytes = this.packetBytes();
      if (packetBytes === undefined || this.held.length < packetBytes) continue;
      yield* this.takeMessage(this.held);
    }
  }

  private takePayload(bytes: Buffer): VortexEvent {
    const offset = this.payloadDone;
    this.payloadDone += bytes.length;
    this.payloadLeft -= bytes.length;
    return {
      kind: 'payload',
      id: this.payloadId,
      bytes,
      offset,
      isLast: this.payloadLeft === 0,
    };
  }

  private *takeMessage(packet: Buffer): Generator<VortexEvent, void, undefined> {
    this.held = Buffer.alloc(0);
    const id = packet.readUInt8(0);
    const message = decodeVortexMessage(packet.readUInt8(1), packet.subarray(VORTEX_HEADER_BYTES));
    const hasPayload = message.kind === 'piece-content' || message.kind === 'guarded-piece-content';
    const lengthBytes = hasPayload ? message.metadata.length : 0;
    if (lengthBytes > VORTEX_PIECE_BYTES_MAX) {
      throw malformed('length', `a piece has at most ${VORTEX_PIECE_BYTES_MAX} bytes.`);
    }
    this.payloadId = id;
    this.payloadLeft = lengthBytes;
    this.payloadDone = 0;
    yield { kind: 'message', id, message };
    if (hasPayload && lengthBytes === 0) yield this.takePayload(Buffer.alloc(0));
  }

  /** Moves into `held` what the present packet still lacks (of the header first) and gives back the rest. */
  private hold(rest: Buffer): Buffer {
    const wanted = this.packetBytes() ?? VORTEX_HEADER_BYTES;
    const taken = rest.subarray(0, wanted - this.held.length);
    this.held = this.held.length === 0 ? Buffer.from(taken) : Buffer.concat([this.held, taken]);
    return rest.subarray(taken.length);
  }

  /** Length of the present packet with its header, once the header is here. */
  private packetBytes(): number | undefined {
    if (this.held.length < VORTEX_HEADER_BYTES) return undefined;
    const tag = this.held.readUInt8(1);
    if (!TAGS_OF[this.sender].has(tag)) {
      throw malformed('tag', `${tag} is not for a ${this.sender} to send.`);
    }
    const valueBytes = this.held.readUInt32BE(2);
    if (valueBytes > VALUE_BYTES_MAX[this.sender]) {
      throw malformed('length', `${valueBytes} is more than ${VALUE_BYTES_MAX[this.sender]}.`);
    }
    return VORTEX_HEADER_BYTES + valueBytes;
  }
}
