/** The process behind `FileServer`: serves files of one folder with ranges, prints its port. */

import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { basename, join } from 'node:path';
import { pipeline } from 'node:stream/promises';

const READ_BYTES = 1024 * 1024;

const folder = process.argv[2] ?? '.';

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = join(folder, basename(new URL(request.url ?? '/', 'http://localhost').pathname));
  const file = await stat(path).catch(() => undefined);
  if (file?.isFile() !== true) {
    response.writeHead(404).end();
    return;
  }
  const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '');
  const start = Number(range?.[1] ?? 0);
  const end = Math.min(range?.[2] ? Number(range[2]) : Infinity, file.size - 1);
  response.writeHead(range === null ? 200 : 206, {
    'content-length': end - start + 1,
    'accept-ranges': 'bytes',
    etag: `"${file.mtimeMs}-${file.size}"`,
    ...(range === null ? {} : { 'content-range': `bytes ${start}-${end}/${file.size}` }),
  });
  if (request.method === 'HEAD') response.end();
  else await pipeline(createReadStream(path, { start, end, highWaterMark: READ_BYTES }), response);
}

const server = createServer((request, response) => {
  // A client that leaves in the middle ends nothing but its own answer.
  answer(request, response).catch(() => response.destroy());
});
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`${(server.address() as AddressInfo).port}\n`);
});
process.on('SIGTERM', () => process.exit(0));
process.stdin.resume().once('end', () => process.exit(0));
