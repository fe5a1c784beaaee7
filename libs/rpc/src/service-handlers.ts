import type { Metadata } from '@grpc/grpc-js';
import type { AnswerGuard } from './answer-guard.js';

/** One method of a service definition, as ts-proto generates it. */
export interface MethodDefinition<Request, Response> {
  readonly path: string;
  readonly requestStream: boolean;
  readonly responseStream: boolean;
  readonly requestSerialize: (value: Request) => Buffer;
  readonly requestDeserialize: (bytes: Buffer) => Request;
  readonly responseSerialize: (value: Response) => Buffer;
  readonly responseDeserialize: (bytes: Buffer) => Response;
}

/** A service definition, as ts-proto generates it (`outputServices=grpc-js`). */
export type ServiceDefinition = Readonly<Record<string, AnyMethodDefinition>>;

/** Any method: serializers are contravariant, so that only `any` is above them all. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- see above
export type AnyMethodDefinition = MethodDefinition<any, any>;

/** What a handler knows of its call. */
export interface CallContext {
  /** Metadata sent by the caller. */
  readonly metadata: Metadata;
  /** When the caller gives up, Unix ms; absent: never. */
  readonly deadlineMs: number | undefined;
  /**
   * Aborted when nobody waits for the answer any more: cancelled, past its deadline, connection lost,
   * or listener stopped. `signal.reason` is the error to throw.
   */
  readonly signal: AbortSignal;
  /** Address of the caller. */
  readonly peer: string;
  /** Trailing metadata to send with the status; filled by the handler. */
  readonly trailers: Metadata;
  /** Sends initial metadata now; only before the first message, once. */
  sendMetadata(metadata: Metadata): void;
  /**
   * Holds every message of a stream from now on to `guard`, the transport has at most one of them at
   * a time, and of what it has when the guard is revoked the kernel gets no byte more: the connection
   * is destroyed if need be.
   */
  guardAnswers(guard: AnswerGuard): void;
}

/** Type of the messages a method receives. */
export type RequestOf<M> = M extends { requestDeserialize: (bytes: Buffer) => infer R } ? R : never;
/** Type of the messages a method sends. */
export type ResponseOf<M> = M extends { responseSerialize: (value: infer R) => Buffer } ? R : never;

/** The function that carries a method out, by its kind. */
export type MethodHandler<M> = M extends { requestStream: false; responseStream: false }
  ? (request: RequestOf<M>, context: CallContext) => Promise<ResponseOf<M>>
  : M extends { requestStream: false; responseStream: true }
    ? (request: RequestOf<M>, context: CallContext) => AsyncIterable<ResponseOf<M>>
    : M extends { requestStream: true; responseStream: false }
      ? (requests: AsyncIterable<RequestOf<M>>, context: CallContext) => Promise<ResponseOf<M>>
      : (
          requests: AsyncIterable<RequestOf<M>>,
          context: CallContext,
        ) => AsyncIterable<ResponseOf<M>>;

/** An implementation of every method of a service. */
export type ServiceHandlers<S> = { readonly [K in keyof S]: MethodHandler<S[K]> };
