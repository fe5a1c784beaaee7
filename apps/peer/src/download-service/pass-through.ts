import { crc32 } from 'node:zlib';
import { CONTENT_LENGTH_KEY } from '@pondhawk/contracts';
import {
  type Clock,
  type ClockReadings,
  ConflictError,
  type LeaseClocks,
  type RandomSource,
  ResourceExhaustedError,
  UnavailableError,
} from '@pondhawk/core';
import { isLeaseOver } from '@pondhawk/purge';
import type { AnswerGuard, CallContext } from '@pondhawk/rpc';
import { type DownloadSpec, RunningDigest, retryOrigin } from '../fill/index.js';
import type { ServingGate } from '../lease/index.js';
import type { OriginBody, OriginClient } from '../origin/index.js';
import { CHUNK_BYTES } from '../piece-serving/index.js';
import type { RateLimiter } from '../rate-limit/index.js';
import {
  type DownloadResponse,
  pieceResponse,
  startedResponse,
  unknownLength,
} from './responses.js';

/** Downloads passed through at once; each has a connection to its origin. */
export const PASS_THROUGHS_MAX = 256;

/** What passing through works with. */
export interface PassThroughParts {
  readonly origin: OriginClient;
  readonly limiter: RateLimiter;
  readonly gate: ServingGate;
  readonly clocks: LeaseClocks;
  readonly clock: Clock;
  readonly random: RandomSource;
  /** Told of each download that begins, for metrics. */
  readonly onBegun: () => void;
}

/**
 * Downloads on a host without a lease (R3): what the origin says now goes to whoever asked, and
 * nowhere else. No copy, no fill of others, no parent. Bytes that wait here for longer than a lease
 * would have run are not handed on: they may have been purged meanwhile.
 */
export class PassThrough {
  private openCount = 0;

  constructor(private readonly parts: PassThroughParts) {}

  /**
   * Tells what the origin has, chunk by chunk, each as a piece of its own.
   *
   * @throws UnavailableError (`NO_LEASE` if no bytes are wanted, so that only a stored copy would be of use;
   *   `CALLER_TOO_SLOW`); ConflictError (`BACK_TO_SOURCE_DISABLED`); ResourceExhaustedError
   *   (`TOO_MANY_PASS_THROUGHS`); DataCorruptionError (`DIGEST_MISMATCH`), after the last byte; PondhawkError of the origin.
   */
  async *run(
    spec: DownloadSpec,
    context: CallContext,
    signal: AbortSignal,
  ): AsyncGenerator<DownloadResponse> {
    refuseWithoutUse(spec);
    if (this.openCount >= PASS_THROUGHS_MAX) throw tooMany();
    this.openCount += 1;
    this.parts.onBegun();
    try {
      const { url, headers } = spec;
      const { origin, random } = this.parts;
      const { whole, validator } = await retryOrigin(
        () => origin.fetchWhole({ url, headers, signal }),
        { random, isOver: () => signal.aborted },
      );
      const { contentLength } = validator;
      if (contentLength === undefined) context.sendMetadata(unknownLength());
      yield startedResponse({ contentLength, isFinished: false });
      const length = yield* this.content({ spec, context, signal, body: whole });
      context.trailers.set(CONTENT_LENGTH_KEY, String(length));
    } finally {
      this.openCount -= 1;
    }
  }

  private async *content(input: {
    readonly spec: DownloadSpec;
    readonly context: CallContext;
    readonly signal: AbortSignal;
    readonly body: OriginBody;
  }): AsyncGenerator<DownloadResponse, number> {
    const { spec, context, signal, body } = input;
    const { limiter, clocks, clock } = this.parts;
    const digest = spec.digest && new RunningDigest(spec.digest);
    let readAt = clocks.read(); // When the bytes in hand came.
    context.guardAnswers(this.guardAgainstAge(() => readAt));
    let offset = 0;
    let number = 0;
    try {
      for await (const chunk of chunksOf(body)) {
        const paid = limiter.take(chunk.length, signal);
        readAt = clocks.read();
        if (paid !== undefined) await paid;
        signal.throwIfAborted();
        digest?.update(chunk);
        const piece = {
          ...{ number, offset, length: chunk.length, crc32: crc32(chunk) },
          ...{ createdAtMs: clock.nowMs(), parentId: undefined },
        };
        yield pieceResponse(piece, { offset, content: chunk });
        offset += chunk.length;
        number += 1;
      }
    } finally {
      body.close();
    }
    digest?.check();
    return offset;
  }

  private guardAgainstAge(readAt: () => ClockReadings): AnswerGuard {
    const { gate, clocks } = this.parts;
    return {
      heldMsMax: gate.holdMsMax,
      check: () => {
        if (isLeaseOver(readAt(), clocks.read(), gate.holdMsMax)) throw callerTooSlow();
      },
      onRevoked: () => () => undefined, // Nothing but their age is held against the bytes.
    };
  }
}

/** In slices that may go to the transport as one. */
async function* chunksOf(body: OriginBody): AsyncGenerator<Buffer> {
  for await (const chunk of body) {
    for (let at = 0; at < chunk.length; at += CHUNK_BYTES) {
      yield chunk.subarray(at, at + CHUNK_BYTES);
    }
  }
}

function refuseWithoutUse(spec: DownloadSpec): void {
  if (!spec.needPieceContent) {
    throw new UnavailableError(
      'NO_LEASE',
      'This host has no lease at present, so nothing is stored for others; try again later.',
    );
  }
  if (spec.disableBackToSource) {
    throw new ConflictError(
      'BACK_TO_SOURCE_DISABLED',
      'This host has no lease at present, and going to the origin was not allowed.',
    );
  }
}

function callerTooSlow(): UnavailableError {
  return new UnavailableError(
    'CALLER_TOO_SLOW',
    'The caller reads too slowly for a download that passes through; ask again.',
  );
}

function tooMany(): ResourceExhaustedError {
  return new ResourceExhaustedError(
    'TOO_MANY_PASS_THROUGHS',
    'This host passes too many downloads through at once.',
  );
}
