import {
  Metadata,
  type CallOptions as GrpcCallOptions,
  type Client,
  type ClientDuplexStream,
  type ClientUnaryCall,
  type ClientWritableStream,
} from '@grpc/grpc-js';
import { UnavailableError } from '@pondhawk/core';
import { fromCallError } from './error-mapping.js';
import type { AnyMethodDefinition, RequestOf, ResponseOf } from './service-handlers.js';

/** How a stream is called. */
export interface StreamCallOptions {
  /** Ends the call with DEADLINE_EXCEEDED after so long; absent: never. */
  readonly timeoutMs?: number;
  /** Cancels the call. */
  readonly signal?: AbortSignal;
  /** Metadata to send. */
  readonly metadata?: Metadata;
  /** Told the initial metadata of the answer. */
  readonly onMetadata?: (metadata: Metadata) => void;
  /** Told the trailing metadata of the answer, also when the call fails. */
  readonly onTrailers?: (metadata: Metadata) => void;
}

/** How a single call is made: every one has a deadline. */
export interface UnaryCallOptions extends StreamCallOptions {
  readonly timeoutMs: number;
}

/** A call to which the caller sends a stream and that has one answer. */
export interface ClientStreamCall<Request, Response> {
  /** Resolves when the next message may be sent. @throws the error the call ended with. */
  send(request: Request): Promise<void>;
  /** Says that no message follows, and waits for the answer. */
  end(): Promise<Response>;
  /** Settles when the call has ended, without having to call `end`. Never rejects unhandled. */
  readonly response: Promise<Response>;
  /** Gives the call up. */
  cancel(): void;
}

/** A call with streams both ways. */
export interface BidiCall<Request, Response> {
  /** Resolves when the next message may be sent. @throws the error the call ended with. */
  send(request: Request): Promise<void>;
  /** The answers; to be iterated once. @throws one of our errors. Leaving the loop cancels the call. */
  readonly responses: AsyncIterable<Response>;
  /** Says that no message follows. */
  end(): void;
  /** Gives the call up. */
  cancel(): void;
}

/**
 * One request, one answer.
 *
 * @throws one of our errors; UnavailableError `DEADLINE_EXCEEDED`, `CALL_CANCELLED` or `UNAVAILABLE`
 *   if no answer came.
 */
export async function callUnary<M extends AnyMethodDefinition>(
  client: Client,
  method: M,
  request: RequestOf<M>,
  options: UnaryCallOptions,
): Promise<ResponseOf<M>> {
  return new Promise<ResponseOf<M>>((resolve, reject) => {
    const call = client.makeUnaryRequest(
      method.path,
      method.requestSerialize,
      method.responseDeserialize as (bytes: Buffer) => ResponseOf<M>,
      request,
      ...callArguments(options),
      (error, response) => {
        unfollow();
        if (error !== null) reject(fromCallError(error));
        else resolve(response as ResponseOf<M>);
      },
    );
    const unfollow = follow(call, options);
  });
}

/**
 * One request, a stream of answers. The call starts with the first `next()`; leaving the loop cancels it.
 *
 * @throws one of our errors, from the loop.
 */
export async function* callServerStream<M extends AnyMethodDefinition>(
  client: Client,
  method: M,
  request: RequestOf<M>,
  options: StreamCallOptions = {},
): AsyncGenerator<ResponseOf<M>, void, undefined> {
  const call = client.makeServerStreamRequest(
    method.path,
    method.requestSerialize,
    method.responseDeserialize as (bytes: Buffer) => ResponseOf<M>,
    request,
    ...callArguments(options),
  );
  const unfollow = follow(call, options);
  yield* responsesOf<ResponseOf<M>>(call, unfollow);
}

/** A stream of requests, one answer. */
export function callClientStream<M extends AnyMethodDefinition>(
  client: Client,
  method: M,
  options: StreamCallOptions = {},
): ClientStreamCall<RequestOf<M>, ResponseOf<M>> {
  let settle: (result: ResponseOf<M> | Promise<never>) => void = () => undefined;
  const response = new Promise<ResponseOf<M>>((resolve) => (settle = resolve));
  // Whoever sends sees the error there; a caller that looks at neither must not crash the daemon.
  response.catch(() => undefined);
  const call = client.makeClientStreamRequest(
    method.path,
    method.requestSerialize as (request: RequestOf<M>) => Buffer,
    method.responseDeserialize as (bytes: Buffer) => ResponseOf<M>,
    ...callArguments(options),
    (error, value) => {
      if (error === null) {
        settle(value as ResponseOf<M>);
        return;
      }
      const failure = fromCallError(error);
      sender.end(failure);
      settle(Promise.reject(failure));
    },
  );
  const sender = new Sender<RequestOf<M>>(call, follow(call, options));
  return {
    send: (request) => sender.send(request),
    end: () => {
      call.end();
      return response;
    },
    response,
    cancel: () => call.cancel(),
  };
}

/** Streams both ways. */
export function callBidi<M extends AnyMethodDefinition>(
  client: Client,
  method: M,
  options: StreamCallOptions = {},
): BidiCall<RequestOf<M>, ResponseOf<M>> {
  const call = client.makeBidiStreamRequest<RequestOf<M>, ResponseOf<M>>(
    method.path,
    method.requestSerialize,
    method.responseDeserialize as (bytes: Buffer) => ResponseOf<M>,
    ...callArguments(options),
  );
  const unfollow = follow(call, options);
  const sender = new Sender(call, unfollow);
  return {
    send: (request) => sender.send(request),
    responses: responsesOf<ResponseOf<M>>(call, unfollow),
    end: () => void call.end(),
    cancel: () => call.cancel(),
  };
}

type AnyClientCall = ClientUnaryCall & {
  once(event: 'status', listener: (status: { metadata: Metadata }) => void): unknown;
};

function callArguments({ timeoutMs, metadata }: StreamCallOptions): [Metadata, GrpcCallOptions] {
  const options = timeoutMs === undefined ? {} : { deadline: Date.now() + timeoutMs };
  return [metadata ?? new Metadata(), options];
}

/** Ties a call to its options. @returns what unties it from the signal. */
function follow(call: object, options: StreamCallOptions): () => void {
  const { signal, onMetadata, onTrailers } = options;
  const emitter = call as AnyClientCall;
  const cancel = (): void => emitter.cancel();
  if (signal?.aborted === true) cancel();
  signal?.addEventListener('abort', cancel, { once: true });
  if (onMetadata !== undefined) emitter.once('metadata', onMetadata);
  const unfollow = (): void => signal?.removeEventListener('abort', cancel);
  emitter.once('status', ({ metadata }) => {
    unfollow();
    onTrailers?.(metadata);
  });
  return unfollow;
}

type ReadableCall<T> = AsyncIterable<T> & {
  cancel(): void;
  on(event: 'error', listener: (error: Error) => void): unknown;
};

/** Listens at once, since the call may fail before somebody iterates, and after the loop was left. */
function responsesOf<T>(call: object, unfollow: () => void): AsyncGenerator<T, void, undefined> {
  const readable = call as ReadableCall<T>;
  const failures: Error[] = [];
  readable.on('error', (error) => failures.push(error));
  return readAll(readable, { failures, unfollow });
}

async function* readAll<T>(
  readable: ReadableCall<T>,
  { failures, unfollow }: { failures: readonly Error[]; unfollow: () => void },
): AsyncGenerator<T, void, undefined> {
  try {
    for await (const response of readable) yield response;
  } catch (error) {
    throw fromCallError(error);
  } finally {
    unfollow();
    readable.cancel();
  }
  // A call that failed before the loop began looks ended to the loop.
  const [failure] = failures;
  if (failure !== undefined) throw fromCallError(failure);
}

/** Sends messages of a call as fast as the other side takes them. */
class Sender<Request> {
  private ended: Error | undefined; // Set once the call has its status.
  private readonly wakers: (() => void)[] = []; // Senders that wait for room.

  constructor(
    private readonly call: ClientWritableStream<Request> | ClientDuplexStream<Request, unknown>,
    private readonly unfollow: () => void,
  ) {
    call.on('error', (error: Error) => this.end(fromCallError(error)));
    call.on('drain', () => this.wakeAll());
    call.on('status', () =>
      this.end(new UnavailableError('CALL_ENDED', 'The other side has ended the call.')),
    );
  }

  async send(request: Request): Promise<void> {
    this.throwIfEnded();
    if (this.call.write(request)) return;
    await new Promise<void>((resolve) => this.wakers.push(resolve));
    this.throwIfEnded();
  }

  /** The first error given is the one senders see. */
  end(error: Error): void {
    this.ended ??= error;
    this.unfollow();
    this.wakeAll();
  }

  private wakeAll(): void {
    for (const wake of this.wakers.splice(0)) wake();
  }

  private throwIfEnded(): void {
    if (this.ended !== undefined) throw this.ended;
  }
}
