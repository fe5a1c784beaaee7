import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NotFoundError, PondhawkError, ResourceExhaustedError } from '@pondhawk/core';
import {
  GrpcServer,
  HealthService,
  REQUEST_BYTES_MAX,
  Metadata,
  ServingStatus,
  callBidi,
  callClientStream,
  callServerStream,
  callUnary,
  createClient,
  type CallContext,
  type Client,
  type ServiceHandlers,
  type UnexpectedCallError,
} from './index.js';

const text = {
  requestSerialize: (value: string): Buffer => Buffer.from(value),
  requestDeserialize: (bytes: Buffer): string => bytes.toString(),
  responseSerialize: (value: string): Buffer => Buffer.from(value),
  responseDeserialize: (bytes: Buffer): string => bytes.toString(),
};
const EchoService = {
  one: { path: '/test.Echo/One', requestStream: false, responseStream: false, ...text },
  down: { path: '/test.Echo/Down', requestStream: false, responseStream: true, ...text },
  up: { path: '/test.Echo/Up', requestStream: true, responseStream: false, ...text },
  both: { path: '/test.Echo/Both', requestStream: true, responseStream: true, ...text },
} as const;
const OtherService = {
  one: { path: '/test.Other/One', requestStream: false, responseStream: false, ...text },
} as const;

/** Notes the contexts of calls, so that a test can look at their signals. */
class Echo implements ServiceHandlers<typeof EchoService> {
  readonly contexts: CallContext[] = [];

  one = async (request: string, context: CallContext): Promise<string> => {
    this.contexts.push(context);
    if (request === 'hang') await untilAborted(context.signal);
    fail(request);
    context.sendMetadata(context.metadata);
    context.trailers.set('x-trailer', 'end');
    return request;
  };

  down = async function* (
    this: Echo,
    request: string,
    context: CallContext,
  ): AsyncGenerator<string> {
    this.contexts.push(context);
    yield request;
    if (request === 'hang') await untilAborted(context.signal);
    fail(request);
    yield `${request}!`;
  }.bind(this);

  up = async (requests: AsyncIterable<string>, context: CallContext): Promise<string> => {
    this.contexts.push(context);
    const all: string[] = [];
    for await (const request of requests) {
      fail(request);
      all.push(request);
    }
    return all.join(' ');
  };

  both = async function* (
    this: Echo,
    requests: AsyncIterable<string>,
    context: CallContext,
  ): AsyncGenerator<string> {
    this.contexts.push(context);
    for await (const request of requests) {
      fail(request);
      yield `${request}!`;
    }
  }.bind(this);
}

function fail(request: string): void {
  if (request === 'ours') throw new NotFoundError('TASK_NOT_FOUND', 'No task "ü".');
  if (request === 'limit') {
    throw new ResourceExhaustedError('TOO_MANY', 'Later.', { retryAfterMs: 250 });
  }
  if (request === 'bug') throw new TypeError('secret of the machine');
}

async function untilAborted(signal: AbortSignal): Promise<void> {
  await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
}

async function errorOf(promise: Promise<unknown>): Promise<PondhawkError> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof PondhawkError)) throw new Error(`No error of ours: ${String(error)}`);
  return error;
}

async function collect(stream: AsyncIterable<string>): Promise<string[]> {
  const all: string[] = [];
  for await (const message of stream) all.push(message);
  return all;
}

const textOf = (bytes: number): string => 'x'.repeat(bytes);
const TIMEOUT = { timeoutMs: 5_000 };

describe('GrpcServer', () => {
  let server: GrpcServer;
  let client: Client;
  let echo: Echo;
  let unexpected: UnexpectedCallError[];

  beforeEach(async () => {
    echo = new Echo();
    unexpected = [];
    server = new GrpcServer({
      listen: { host: '127.0.0.1', port: 0 },
      onUnexpectedError: (failure) => unexpected.push(failure),
    });
    server.addService(EchoService, echo);
    client = createClient(`127.0.0.1:${await server.start()}`);
  });

  afterEach(async () => {
    client.close();
    await server.stop(200);
  });

  describe('when the handler answers', () => {
    it('carries a single call with metadata both ways', async () => {
      const metadata = new Metadata();
      metadata.set('x-initial', 'hello');
      const seen: Metadata[] = [];
      const answer = await callUnary(client, EchoService.one, 'a', {
        ...TIMEOUT,
        metadata,
        onMetadata: (m) => seen.push(m),
        onTrailers: (m) => seen.push(m),
      });
      expect(answer).toBe('a');
      expect(seen[0]?.get('x-initial')).toEqual(['hello']);
      expect(seen[1]?.get('x-trailer')).toEqual(['end']);
    });

    it('carries a stream down', async () => {
      expect(await collect(callServerStream(client, EchoService.down, 'a'))).toEqual(['a', 'a!']);
    });

    it('carries a stream up', async () => {
      const call = callClientStream(client, EchoService.up);
      await call.send('a');
      await call.send('b');
      expect(await call.end()).toBe('a b');
    });

    it('carries streams both ways', async () => {
      const call = callBidi(client, EchoService.both);
      await call.send('a');
      await call.send('b');
      call.end();
      expect(await collect(call.responses)).toEqual(['a!', 'b!']);
    });
  });

  describe('when a request is large', () => {
    it('takes one of exactly the limit, and refuses one byte more before the handler sees it', async () => {
      expect(
        await callUnary(client, EchoService.one, textOf(REQUEST_BYTES_MAX), TIMEOUT),
      ).toHaveLength(REQUEST_BYTES_MAX);
      const error = await errorOf(
        callUnary(client, EchoService.one, textOf(REQUEST_BYTES_MAX + 1), TIMEOUT),
      );
      expect(error.kind).toBe('resource-exhausted');
      expect(echo.contexts).toHaveLength(1);
      expect(await callUnary(client, EchoService.one, 'a', TIMEOUT)).toBe('a');
    });

    it('takes what a listener with a limit of its own allows, and no more, in streams too', async () => {
      const own = new GrpcServer({
        listen: { host: '127.0.0.1', port: 0 },
        requestBytesMax: 10,
        onUnexpectedError: (failure) => unexpected.push(failure),
      });
      own.addService(EchoService, echo);
      const ownClient = createClient(`127.0.0.1:${await own.start()}`);
      try {
        const small = callClientStream(ownClient, EchoService.up);
        await small.send(textOf(10));
        expect(await small.end()).toBe(textOf(10));
        const large = callClientStream(ownClient, EchoService.up);
        const error = await errorOf(large.send(textOf(11)).then(async () => large.end()));
        expect(error.kind).toBe('resource-exhausted');
      } finally {
        ownClient.close();
        await own.stop(200);
      }
    });
  });

  describe('when the handler throws one of our errors', () => {
    const wanted = {
      name: 'NotFoundError',
      code: 'TASK_NOT_FOUND',
      message: 'No task "ü".',
      details: { grpcStatus: 'NOT_FOUND' },
    };

    it('gives the same class, code and message to the caller of each kind', async () => {
      const one = await errorOf(callUnary(client, EchoService.one, 'ours', TIMEOUT));
      const down = await errorOf(collect(callServerStream(client, EchoService.down, 'ours')));
      const up = callClientStream(client, EchoService.up);
      await up.send('ours');
      const both = callBidi(client, EchoService.both);
      await both.send('ours');
      for (const error of [
        one,
        down,
        await errorOf(up.end()),
        await errorOf(collect(both.responses)),
      ]) {
        expect(error).toMatchObject(wanted);
      }
      expect(unexpected).toEqual([]);
    });

    it('says when to come again', async () => {
      const error = await errorOf(callUnary(client, EchoService.one, 'limit', TIMEOUT));
      expect(error).toMatchObject({ kind: 'resource-exhausted', retryAfterMs: 250 });
    });
  });

  describe('when the handler throws anything else', () => {
    it('answers INTERNAL without the message and reports the error, for each kind', async () => {
      const up = callClientStream(client, EchoService.up);
      await up.send('bug');
      const both = callBidi(client, EchoService.both);
      await both.send('bug');
      const errors = [
        await errorOf(callUnary(client, EchoService.one, 'bug', TIMEOUT)),
        await errorOf(collect(callServerStream(client, EchoService.down, 'bug'))),
        await errorOf(up.end()),
        await errorOf(collect(both.responses)),
      ];
      for (const error of errors) {
        expect(error).toMatchObject({ code: 'INTERNAL', details: { grpcStatus: 'INTERNAL' } });
        expect(error.message).not.toContain('secret');
      }
      expect(unexpected.map(({ path }) => path).sort()).toEqual(
        Object.values(EchoService)
          .map(({ path }) => path)
          .sort(),
      );
    });
  });

  describe('when the deadline passes', () => {
    it('ends the call on both sides with DEADLINE_EXCEEDED', async () => {
      const error = await errorOf(callUnary(client, EchoService.one, 'hang', { timeoutMs: 50 }));
      expect(error).toMatchObject({ kind: 'unavailable', code: 'DEADLINE_EXCEEDED' });
      await untilTrue(() => echo.contexts[0]?.signal.aborted === true);
    });
  });

  describe('when the caller leaves', () => {
    it('aborts the signal of a single call', async () => {
      const abort = new AbortController();
      const call = callUnary(client, EchoService.one, 'hang', { ...TIMEOUT, signal: abort.signal });
      const error = errorOf(call);
      await untilTrue(() => echo.contexts.length === 1);
      abort.abort();
      expect(await error).toMatchObject({ code: 'CALL_CANCELLED' });
      await untilTrue(() => echo.contexts[0]?.signal.aborted === true);
    });

    it('aborts the signal of a stream whose loop is left', async () => {
      for await (const message of callServerStream(client, EchoService.down, 'hang')) {
        expect(message).toBe('hang');
        break;
      }
      await untilTrue(() => echo.contexts[0]?.signal.aborted === true);
    });
  });

  describe('when it stops', () => {
    it('ends open streams with UNAVAILABLE at once', async () => {
      const stream = callServerStream(client, EchoService.down, 'hang');
      await stream.next();
      const both = callBidi(client, EchoService.both);
      await both.send('a');
      const answers = both.responses[Symbol.asyncIterator]();
      await answers.next();
      const errors = [errorOf(stream.next()), errorOf(answers.next())];
      await server.stop(5_000);
      for (const error of await Promise.all(errors)) {
        expect(error).toMatchObject({
          code: 'SERVER_STOPPING',
          details: { grpcStatus: 'UNAVAILABLE' },
        });
      }
    });

    it('cuts a single call that does not end within the grace time', async () => {
      const error = errorOf(callUnary(client, EchoService.one, 'hang', TIMEOUT));
      await untilTrue(() => echo.contexts.length === 1);
      await server.stop(50);
      expect((await error).kind).toBe('unavailable');
    });
  });

  it('answers UNIMPLEMENTED for a service of another listener', async () => {
    const error = await errorOf(callUnary(client, OtherService.one, 'a', TIMEOUT));
    expect(error.details).toEqual({ grpcStatus: 'UNIMPLEMENTED' });
  });

  describe('when asked for its health', () => {
    it('tells the status by service and streams changes', async () => {
      const check = (service: string): Promise<unknown> =>
        callUnary(client, HealthService.check, { service }, TIMEOUT);
      expect(await check('')).toEqual({ status: ServingStatus.Serving });
      expect(await check('test.Echo')).toEqual({ status: ServingStatus.Serving });
      expect(await errorOf(check('test.Other'))).toMatchObject({ code: 'SERVICE_UNKNOWN' });
      const watch = callServerStream(client, HealthService.watch, { service: 'test.Echo' });
      expect((await watch.next()).value).toEqual({ status: ServingStatus.Serving });
      server.health.set('test.Echo', false);
      expect((await watch.next()).value).toEqual({ status: ServingStatus.NotServing });
      await watch.return();
    });
  });
});

describe('GrpcServer on a unix socket', () => {
  let directory: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'ph-'));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  function serverAt(socketPath: string): GrpcServer {
    const server = new GrpcServer({ listen: { socketPath }, onUnexpectedError: () => undefined });
    server.addService(EchoService, new Echo());
    return server;
  }

  async function answersAt(path: string): Promise<boolean> {
    const client = createClient(`unix:${path}`);
    try {
      return (await callUnary(client, EchoService.one, 'a', TIMEOUT)) === 'a';
    } finally {
      client.close();
    }
  }

  it('answers there, for its group but not for others, and removes the socket on stop', async () => {
    const path = join(directory, 'run', 'peer.sock');
    const server = serverAt(path);
    await server.start();
    expect(statSync(path).mode & 0o777).toBe(0o660);
    expect(statSync(join(directory, 'run')).mode & 0o777).toBe(0o755);
    expect(await answersAt(path)).toBe(true);
    await server.stop(1_000);
    expect(() => statSync(path)).toThrow('ENOENT');
  });

  it('takes the place of a socket that nobody listens on', async () => {
    const path = join(directory, 'run', 'peer.sock');
    await leaveStaleSocket(path);
    const server = serverAt(path);
    await server.start();
    expect(await answersAt(path)).toBe(true);
    await server.stop(1_000);
  });

  it('refuses a socket that somebody answers on', async () => {
    const path = join(directory, 'run', 'peer.sock');
    const first = serverAt(path);
    await first.start();
    expect(await errorOf(serverAt(path).start())).toMatchObject({ code: 'SOCKET_IN_USE' });
    expect(await answersAt(path)).toBe(true);
    await first.stop(1_000);
  });

  it('refuses a path that is no socket, and a folder with other files', async () => {
    const path = join(directory, 'peer.sock');
    writeFileSync(path, '');
    expect(await errorOf(serverAt(path).start())).toMatchObject({ code: 'SOCKET_PATH_TAKEN' });
    const beside = join(directory, 'other.sock');
    expect(await errorOf(serverAt(beside).start())).toMatchObject({
      code: 'SOCKET_DIRECTORY_SHARED',
    });
  });

  it('takes a path of 107 bytes and refuses one of 108', async () => {
    const folder = join(directory, 'run');
    const path = join(folder, 's'.repeat(107 - folder.length - 1));
    const server = serverAt(path);
    await server.start();
    expect(await answersAt(path)).toBe(true);
    await server.stop(1_000);
    expect(await errorOf(serverAt(`${path}s`).start())).toMatchObject({
      code: 'SOCKET_PATH_TOO_LONG',
    });
  });
});

async function leaveStaleSocket(path: string): Promise<void> {
  const { execFileSync } = await import('node:child_process');
  const script = `require('fs').mkdirSync(require('path').dirname(process.argv[1]));
    require('net').createServer().listen(process.argv[1], () => process.kill(process.pid, 'SIGKILL'))`;
  expect(() => execFileSync(process.execPath, ['-e', script, path])).toThrow('SIGKILL');
  expect(statSync(path).isSocket()).toBe(true);
}

async function untilTrue(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}
