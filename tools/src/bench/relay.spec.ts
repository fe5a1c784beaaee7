import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server } from 'node:net';
import { findFreePorts } from '@pondhawk/testing';
import { Relay } from './relay.js';

/** Answers each connection with what it was sent. */
async function startEcho(): Promise<Server> {
  const server = createServer((socket) => socket.on('error', () => undefined).pipe(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

describe('Relay', () => {
  it.each([
    { toServerMs: 30, toClientMs: 0 },
    { toServerMs: 0, toClientMs: 30 },
  ])('passes bytes on in order, no sooner than its delay: %j', async (delays) => {
    const echo = await startEcho();
    const [port = 0] = await findFreePorts(1);
    const target = { host: '127.0.0.1', port: (echo.address() as AddressInfo).port };
    const relay = new Relay({ listen: { host: '127.0.0.1', port }, target, ...delays });
    await relay.start();
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    const startedAt = performance.now();
    for (const word of ['one ', 'two ', 'three']) socket.write(word);
    let text = '';
    for await (const chunk of socket) {
      text += String(chunk);
      if (text === 'one two three') break;
    }
    // Timers may fire a fraction of a millisecond before the clock says so.
    expect(performance.now() - startedAt).toBeGreaterThan(29);
    await relay.stop();
    echo.close();
  });

  it('lets go of every connection when it stops', async () => {
    const echo = await startEcho();
    const [port = 0] = await findFreePorts(1);
    const target = { host: '127.0.0.1', port: (echo.address() as AddressInfo).port };
    const relay = new Relay({
      listen: { host: '127.0.0.1', port },
      target,
      ...{ toServerMs: 0, toClientMs: 0 },
    });
    await relay.start();
    const socket = connect(port, '127.0.0.1').on('error', () => undefined);
    socket.write('hello');
    await once(socket, 'data');
    const closed = once(socket, 'close');
    await relay.stop();
    await closed;
    echo.close();
    expect(socket.destroyed).toBe(true);
  });
});
