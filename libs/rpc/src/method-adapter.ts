import type {
  Metadata,
  ServerDuplexStream,
  ServerReadableStream,
  ServerUnaryCall,
  ServerWritableStream,
  UntypedHandleCall,
  sendUnaryData,
} from '@grpc/grpc-js';
import { toError } from '@pondhawk/core';
import { isOurs, toCallStatus } from './error-mapping.js';
import { OpenCall, asServerError, type ServerCall } from './open-call.js';
import type { AnyMethodDefinition, CallContext } from './service-handlers.js';

/** Where calls are registered while open, and unexpected errors go. */
export interface CallRegistry {
  opened(call: OpenCall, isStream: boolean): void;
  settled(call: OpenCall): void;
  failedUnexpectedly(error: Error, path: string): void;
}

/** A handler of any kind: first the request or the requests, then the context. */
export type AnyHandler = (
  input: never,
  context: CallContext,
) => Promise<unknown> | AsyncIterable<unknown>;

/** Makes the function grpc-js calls for a method out of a handler of ours. */
export function adaptMethod(
  method: AnyMethodDefinition,
  handler: AnyHandler,
  registry: CallRegistry,
): UntypedHandleCall {
  const adapter = new MethodAdapter(method, handler, registry);
  return method.responseStream
    ? (call: ServerWritableStream<unknown, unknown> | ServerDuplexStream<unknown, unknown>) =>
        void adapter.runStream(call)
    : (
        call: ServerUnaryCall<unknown, unknown> | ServerReadableStream<unknown, unknown>,
        callback: sendUnaryData<unknown>,
      ) => void adapter.runSingle(call, callback);
}

class MethodAdapter {
  constructor(
    private readonly method: AnyMethodDefinition,
    private readonly handler: AnyHandler,
    private readonly registry: CallRegistry,
  ) {}

  /** Methods with one response. */
  async runSingle(
    call: ServerUnaryCall<unknown, unknown> | ServerReadableStream<unknown, unknown>,
    callback: sendUnaryData<unknown>,
  ): Promise<void> {
    const open = this.open(call, (error, trailers) => {
      callback(asServerError(toCallStatus(error, trailers)));
    });
    try {
      const response = await (this.handler(
        this.inputOf(call, open),
        open.context,
      ) as Promise<unknown>);
      if (open.settle()) callback(null, response, open.trailers);
    } catch (error) {
      this.fail(open, error);
    }
  }

  /** Methods with a stream of responses. */
  async runStream(
    call: ServerWritableStream<unknown, unknown> | ServerDuplexStream<unknown, unknown>,
  ): Promise<void> {
    const open = this.open(call, (error, trailers) => {
      call.emit('error', asServerError(toCallStatus(error, trailers)));
    });
    try {
      const responses = this.handler(this.inputOf(call, open), open.context);
      await open.writeAll(call, responses as AsyncIterable<unknown>);
      if (open.settle()) call.end(open.trailers);
    } catch (error) {
      this.fail(open, error);
    }
  }

  private open(
    call: ServerCall,
    sendError: (error: unknown, trailers: Metadata) => void,
  ): OpenCall {
    const open: OpenCall = new OpenCall(call, sendError, () => this.registry.settled(open));
    this.registry.opened(open, this.method.requestStream || this.method.responseStream);
    open.watch();
    return open;
  }

  private inputOf(call: ServerCall, open: OpenCall): never {
    const input = 'request' in call ? call.request : open.requests(call);
    return input as never;
  }

  private fail(open: OpenCall, error: unknown): void {
    const isFirst = open.fail(error);
    if (isFirst && !isOurs(error)) {
      this.registry.failedUnexpectedly(toError(error), this.method.path);
    }
  }
}
