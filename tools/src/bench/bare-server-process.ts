/** The floor of HTTP: a server that reads each body and answers, and keeps nothing. */

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { answerParent } from './bench-child.js';

let count = 0;
const server = createServer((request, response) => {
  request.resume();
  request.once('end', () => {
    count += 1;
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ id: count, state: 'PENDING' }));
  });
});

async function listen(): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

answerParent({ listen }, () => {
  server.closeAllConnections();
  server.close();
});
