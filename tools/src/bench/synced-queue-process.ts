/**
 * The floor of accepting jobs: an HTTP server that appends each body to a file and answers once it is
 * synced. Bodies that come during a sync share the next one.
 */

import { open } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { answerParent } from './bench-child.js';

interface Waiting {
  readonly body: Buffer;
  readonly response: ServerResponse;
}

const server = createServer((request, response) => {
  readBody(request).then(
    (body) => {
      waiting.push({ body, response });
      running ??= run().finally(() => (running = undefined));
    },
    () => response.destroy(),
  );
});
let waiting: Waiting[] = [];
let running: Promise<void> | undefined; // Set while bodies are written.
let path = '';
let count = 0;

async function listen(file: string): Promise<string> {
  path = file;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function run(): Promise<void> {
  const file = await open(path, 'a');
  try {
    while (waiting.length > 0) {
      const batch = waiting;
      waiting = [];
      await file.appendFile(Buffer.concat(batch.map(({ body }) => body)));
      await file.datasync();
      for (const { response } of batch) {
        count += 1;
        response.writeHead(200, { 'content-type': 'application/json' });
        response.end(JSON.stringify({ id: count, state: 'PENDING' }));
      }
    }
  } finally {
    await file.close();
  }
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

answerParent({ listen }, async () => {
  server.closeAllConnections();
  await running;
});
