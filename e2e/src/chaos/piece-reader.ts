/** Reads pieces from a host's piece port as a stranger would: without a word of logs or copies. */

import { connect, type Socket } from 'node:net';
import { encodeVortexPacket, VortexReader } from '@pondhawk/contracts';
import type { OpenAnswer, Recorder } from './recorder.js';

/** What is asked of whom. */
export interface PieceQuestion {
  readonly host: string;
  /** Of 127.0.0.1. */
  readonly port: number;
  readonly taskId: string;
  readonly content: { readonly path: string; readonly index: number };
  readonly pieceNumber: number;
  /** How often it is asked for, on one connection at once; as by a reader that has more to read than buffers hold. */
  readonly times?: number;
}

const READ_BYTES = 64 * 1024;
const SILENCE_MS_MAX = 5_000;

/** How a read ended: all bytes came, the host refused, the connection broke, or nothing came for long. */
export type ReadEnd = 'whole' | 'refused' | 'broken' | 'silent';

/** Questions for one piece on a connection of its own, of which nothing is buffered in this process. */
export class PieceReader {
  /** Resolves with the end; never rejects. */
  readonly ended: Promise<ReadEnd>;
  /** Bytes that came. */
  receivedBytes = 0;
  private readonly socket: Socket;
  private readonly answer: OpenAnswer;
  private readonly reader = new VortexReader('server');
  private isPaused = false;
  private hasEnded = false;
  private offset = 0;
  private piecesDue = 0;
  private finish: (end: ReadEnd) => void = () => undefined;

  /** @param takesBytes after so many bytes nothing more is read until `resume`. */
  constructor(
    { host, port, taskId, content, pieceNumber, times = 1 }: PieceQuestion,
    private readonly recorder: Recorder,
    private takesBytes = Infinity,
  ) {
    this.ended = new Promise((resolve) => (this.finish = resolve));
    this.answer = recorder.ask({
      host,
      content: content.path,
      contentIndex: content.index,
      way: 'pieces',
      ports: () => ({ serverPort: port, clientPort: this.socket.localPort ?? 0 }),
    });
    this.socket = connect({
      host: '127.0.0.1',
      port,
      timeout: SILENCE_MS_MAX,
      onread: {
        buffer: Buffer.alloc(READ_BYTES),
        callback: (length, buffer) => this.receive(Buffer.from(buffer.subarray(0, length))),
      },
    });
    this.socket.on('error', () => undefined); // 'close' follows.
    this.socket.on('timeout', () => {
      if (!this.isPaused) this.end('silent');
    });
    this.socket.once('close', () => this.end('broken'));
    this.piecesDue = times;
    for (let id = 0; id < times; id += 1) {
      this.socket.write(
        encodeVortexPacket({ id, message: { kind: 'download-piece', taskId, pieceNumber } }),
      );
    }
  }

  /** Whether it waits for `resume`. */
  get hasPaused(): boolean {
    return this.isPaused;
  }

  /** Reads on, to the end. */
  resume(): void {
    this.takesBytes = Infinity;
    this.isPaused = false;
    this.socket.resume();
  }

  private receive(bytes: Buffer): boolean {
    try {
      for (const event of this.reader.feed(bytes)) {
        if (event.kind === 'payload') {
          this.answer.arrived(event.bytes, this.offset + event.offset);
          this.receivedBytes += event.bytes.length;
          if (event.isLast) this.piecesDue -= 1;
          if (this.piecesDue === 0) this.end('whole');
        } else if (event.message.kind === 'piece-content') {
          this.offset = event.message.metadata.offset;
        } else {
          this.end('refused');
        }
      }
    } catch (error) {
      this.recorder.fault(`${this.answer.facts.host}, pieces: ${String(error)}`);
      this.end('broken');
    }
    this.isPaused = this.receivedBytes >= this.takesBytes && !this.hasEnded;
    return !this.isPaused;
  }

  private end(how: ReadEnd): void {
    if (this.hasEnded) return;
    this.hasEnded = true;
    this.socket.destroy();
    this.answer.close();
    this.finish(how);
  }
}
