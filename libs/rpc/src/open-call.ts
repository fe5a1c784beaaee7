import { type EventEmitter } from 'node:events';
import {
  Metadata,
  type ServerDuplexStream,
  type ServerErrorResponse,
  type ServerReadableStream,
  type ServerUnaryCall,
  type ServerWritableStream,
} from '@grpc/grpc-js';
import { UnavailableError, toError } from '@pondhawk/core';
import { type AnswerGuard, destroyConnection, http2StreamOf, sliceWrites } from './answer-guard.js';
import { type CallStatus } from './error-mapping.js';
import { WRITES_IN_FLIGHT_MAX } from './limits.js';
import type { CallContext } from './service-handlers.js';

/** Any of grpc-js's calls, seen from the server. */
export type ServerCall =
  | ServerUnaryCall<unknown, unknown>
  | ServerReadableStream<unknown, unknown>
  | ServerWritableStream<unknown, unknown>
  | ServerDuplexStream<unknown, unknown>;

/** What a deadline may be at most for a timer of Node's. */
const TIMER_MS_MAX = 2 ** 31 - 1;

/**
 * A call from its arrival to its status. It is settled once, by whichever comes first: the handler's
 * end, or an abort (cancelled, deadline, listener stopped).
 */
export class OpenCall {
  private readonly controller = new AbortController();
  private deadlineTimer: NodeJS.Timeout | undefined;
  private isSettled = false;
  private guard: AnswerGuard | undefined; // From `guardAnswers` on.
  private heldTimer: NodeJS.Timeout | undefined; // While the transport has a guarded message.
  private readonly window = new WriteWindow();
  readonly trailers = new Metadata();

  constructor(
    private readonly call: ServerCall,
    /** Sends the status for an error; called at most once. */
    private readonly sendError: (error: unknown, trailers: Metadata) => void,
    private readonly onSettled: () => void,
  ) {}

  /** Starts to watch for the caller's leaving. */
  watch(): void {
    const deadlineMs = this.deadlineMs();
    if (deadlineMs !== undefined) {
      const delayMs = Math.min(Math.max(0, deadlineMs - Date.now()), TIMER_MS_MAX);
      this.deadlineTimer = setTimeout(() => {
        this.abort(new UnavailableError('DEADLINE_EXCEEDED', 'The call took too long.'));
      }, delayMs);
    }
    const emitter: EventEmitter = this.call;
    emitter.once('cancelled', () => {
      this.abort(new UnavailableError('CALL_CANCELLED', 'The caller left.'));
    });
  }

  /** What the handler is given. */
  get context(): CallContext {
    return {
      metadata: this.call.metadata,
      deadlineMs: this.deadlineMs(),
      signal: this.controller.signal,
      peer: this.call.getPeer(),
      trailers: this.trailers,
      sendMetadata: (metadata) => this.call.sendMetadata(metadata),
      guardAnswers: (guard) => this.guardAnswers(guard),
    };
  }

  /** The guard is listened to until the transport has let go of the call, which may be long after its status. */
  private guardAnswers(guard: AnswerGuard): void {
    this.guard = guard;
    const stream = http2StreamOf(this.call);
    if (stream.closed || stream.destroyed) return;
    sliceWrites(stream, () => this.mayGoOn(guard));
    const unlisten = guard.onRevoked((reason) => this.withhold(reason));
    stream.once('close', () => {
      unlisten();
      clearTimeout(this.heldTimer);
    });
  }

  private mayGoOn(guard: AnswerGuard): boolean {
    try {
      guard.check();
      return true;
    } catch (error) {
      this.withhold(toError(error));
      return false;
    }
  }

  /** Ends the call in this turn; what the kernel does not have of its answers does not leave. */
  private withhold(reason: Error): void {
    if (!this.window.isEmpty) {
      destroyConnection(http2StreamOf(this.call));
      this.settle();
    } else this.fail(reason);
    this.controller.abort(reason);
  }

  /** Ends the call with an error at once, whatever the handler does. */
  abort(reason: UnavailableError): void {
    if (this.isSettled) return;
    this.fail(reason);
    this.controller.abort(reason);
  }

  /** @returns false if the call had its status already. */
  fail(error: unknown): boolean {
    if (!this.settle()) return false;
    this.sendError(error, this.trailers);
    return true;
  }

  /** @returns false if the call had its status already. */
  settle(): boolean {
    if (this.isSettled) return false;
    this.isSettled = true;
    clearTimeout(this.deadlineTimer);
    this.onSettled();
    return true;
  }

  /** Messages of the caller in order. @throws the abort's reason. */
  async *requests(
    stream: ServerReadableStream<unknown, unknown> | ServerDuplexStream<unknown, unknown>,
  ): AsyncGenerator {
    const { signal } = this.controller;
    try {
      // Leaving the loop must not destroy the stream: the answer goes through the same object.
      for await (const request of stream.iterator({ destroyOnReturn: false })) yield request;
    } catch (error) {
      signal.throwIfAborted();
      throw error;
    }
    signal.throwIfAborted();
  }

  /**
   * Writes all responses, waiting while the caller does not read.
   *
   * @throws the abort's reason, and why the guard lets nothing leave.
   */
  async writeAll(
    stream: ServerWritableStream<unknown, unknown> | ServerDuplexStream<unknown, unknown>,
    responses: AsyncIterable<unknown>,
  ): Promise<void> {
    const iterator = responses[Symbol.asyncIterator]();
    const waits = new AbortableWaits(this.controller.signal);
    let isDone = false;
    try {
      for (;;) {
        const next = await waits.wait(iterator.next());
        if (next.done === true) break;
        await this.write(stream, next.value, waits);
      }
      if (this.guard !== undefined) await this.window.untilBelow(1, waits);
      isDone = true;
    } finally {
      // A generator that waits for something of its own returns when it gets there; nobody waits.
      if (!isDone) void Promise.resolve(iterator.return?.()).catch(() => undefined);
    }
  }

  private async write(
    stream: ServerWritableStream<unknown, unknown> | ServerDuplexStream<unknown, unknown>,
    message: unknown,
    waits: AbortableWaits,
  ): Promise<void> {
    const { guard, window } = this;
    if (guard === undefined) {
      window.start((written) => stream.write(message, written));
      await window.untilBelow(WRITES_IN_FLIGHT_MAX, waits);
      return;
    }
    // One message with the transport and one in hand; asked and handed over in one turn.
    await window.untilBelow(1, waits);
    guard.check();
    this.heldTimer = this.withholdLater(guard);
    window.start((written) =>
      stream.write(message, () => {
        clearTimeout(this.heldTimer);
        written();
      }),
    );
  }

  private withholdLater({ heldMsMax }: AnswerGuard): NodeJS.Timeout | undefined {
    if (heldMsMax === undefined) return undefined;
    return setTimeout(() => {
      this.withhold(new UnavailableError('CALLER_TOO_SLOW', 'The caller did not read in time.'));
    }, heldMsMax);
  }

  private deadlineMs(): number | undefined {
    const deadline = Number(this.call.getDeadline());
    return Number.isFinite(deadline) ? deadline : undefined;
  }
}

/** Messages handed to the transport of which the kernel has not taken all. */
class WriteWindow {
  private inFlightCount = 0;
  private wake: (() => void) | undefined; // Set while a writer waits.

  get isEmpty(): boolean {
    return this.inFlightCount === 0;
  }

  start(write: (written: () => void) => void): void {
    this.inFlightCount += 1;
    write(() => {
      this.inFlightCount -= 1;
      this.wake?.();
    });
  }

  /** @throws the abort's reason. */
  async untilBelow(count: number, waits: AbortableWaits): Promise<void> {
    waits.throwIfAborted();
    while (this.inFlightCount >= count) {
      await waits.wait(new Promise<void>((resolve) => (this.wake = resolve)));
    }
  }
}

/**
 * Waits, one after another, that end when the call is aborted. One listener serves them all: a
 * scheduler has thousands of streams, and each message is two waits.
 */
class AbortableWaits {
  private cut: ((reason: Error) => void) | undefined; // Ends the newest wait.

  constructor(private readonly signal: AbortSignal) {
    signal.addEventListener('abort', () => this.cut?.(signal.reason as Error), { once: true });
  }

  /** @throws the abort's reason. */
  throwIfAborted(): void {
    this.signal.throwIfAborted();
  }

  /** @throws what `promise` throws; the abort's reason when the call is aborted before. */
  async wait<T>(promise: Promise<T>): Promise<T> {
    this.throwIfAborted();
    return new Promise((resolve, reject) => {
      this.cut = reject;
      promise.then(resolve, reject);
    });
  }
}

/** The form in which grpc-js takes a status as an error. */
export function asServerError(status: CallStatus): ServerErrorResponse {
  return Object.assign(new Error(status.details), status);
}
