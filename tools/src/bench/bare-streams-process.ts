/** The floor of a scheduler: the same streams on the same gRPC server, with nothing behind them. */

import { pondhawkV1 } from '@pondhawk/contracts';
import { GrpcServer } from '@pondhawk/rpc';
import { answerParent } from './bench-child.js';

type Response = pondhawkV1.SyncResponse;

const EPOCH = Buffer.alloc(16);
const HASH = '0'.repeat(64);
const LEASE_MS = 4_000;
const NAMED_LOG: Response = {
  response: { $case: 'log', value: { logEpoch: EPOCH, first: 1n, head: 0n, headHash: '' } },
};

const server = new GrpcServer({
  listen: { host: '127.0.0.1', port: 0 },
  onUnexpectedError: ({ error }) => {
    throw error;
  },
});
const writers = new Set<(response: Response) => void>(); // One an open stream.
let answered = 0;
let onAnswer: () => void = () => undefined;

async function listen(): Promise<string> {
  server.addService(pondhawkV1.FleetSyncService, {
    sync: (requests) => serve(requests),
    listEntries: () => Promise.resolve({ log: undefined, entries: [] }),
  });
  return `127.0.0.1:${await server.start()}`;
}

async function* serve(
  requests: AsyncIterable<pondhawkV1.SyncRequest>,
): AsyncGenerator<Response, void, undefined> {
  const waiting: Response[] = [NAMED_LOG];
  let wake: () => void = () => undefined;
  const write = (response: Response): void => {
    waiting.push(response);
    wake();
  };
  writers.add(write);
  void read(requests, write).catch(() => undefined); // The stream's end ends the writing as well.
  try {
    for (;;) {
      const next = waiting.shift();
      if (next !== undefined) yield next;
      else await new Promise<void>((resolve) => (wake = resolve));
    }
  } finally {
    writers.delete(write);
  }
}

async function read(
  requests: AsyncIterable<pondhawkV1.SyncRequest>,
  write: (response: Response) => void,
): Promise<void> {
  for await (const { request } of requests) {
    if (request?.$case === 'leaseRequest') write(grantOf(request.value));
    if (request?.$case !== 'outcomes') continue;
    answered += request.value.outcomes.length;
    onAnswer();
  }
}

function grantOf({ number }: pondhawkV1.SyncLeaseRequest): Response {
  const value = { incarnation: EPOCH, number, refusal: '', logEpoch: EPOCH, needs: 0n };
  return {
    response: { $case: 'grant', value: { ...value, hostLeaseMs: LEASE_MS, waiver: undefined } },
  };
}

/** Sends one entry on every stream and waits for all answers. @returns ms. */
async function broadcast(): Promise<number> {
  answered = 0;
  const startedAt = performance.now();
  const done = new Promise<void>((resolve) => {
    onAnswer = () => {
      if (answered >= writers.size) resolve();
    };
  });
  const entry = { seq: 1n, taskId: HASH, chainHash: HASH };
  for (const write of writers) {
    write({ response: { $case: 'entries', value: { logEpoch: EPOCH, entries: [entry] } } });
  }
  await done;
  return performance.now() - startedAt;
}

answerParent({ listen, broadcast }, () => server.stop(0));
