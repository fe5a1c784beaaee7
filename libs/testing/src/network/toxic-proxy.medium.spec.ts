import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { eventually } from '../eventually.js';
import { findLastingPorts } from '../cluster/free-ports.js';
import { SocketTable } from './socket-table.js';
import { ToxicProxy } from './toxic-proxy.js';

const PATIENCE = { timeoutMs: 5_000 };

describe('Between two processes', () => {
  let server: Server;
  let port: number;
  const sockets = new Set<Socket>();
  let accepted: Socket[];
  let received: string;

  beforeEach(async () => {
    accepted = [];
    received = '';
    server = createServer((socket) => {
      accepted.push(socket);
      sockets.add(socket.on('error', () => undefined));
      socket.on('data', (chunk) => (received += chunk.toString()));
    });
    port = (await findLastingPorts(1))[0]!;
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
  });
  afterEach(async () => {
    sockets.forEach((socket) => socket.destroy());
    sockets.clear();
    await new Promise((resolve) => server.close(resolve));
  });

  const open = async (host: string): Promise<Socket> => {
    const socket = connect({ host, port });
    sockets.add(socket.on('error', () => undefined));
    await once(socket, 'connect');
    return socket;
  };

  describe('a proxy', () => {
    let proxy: ToxicProxy;
    beforeEach(async () => {
      const target = { host: '127.0.0.1', port };
      const route = { name: 'server', listen: { host: '127.0.0.2', port }, target };
      proxy = new ToxicProxy([route], () => 'client');
      await proxy.start();
    });
    afterEach(async () => proxy.stop());

    it.each(['client', 'server', 'somebody'])(
      'lets nothing pass while %s is cut off',
      async (name) => {
        const client = await open('127.0.0.2');
        client.write('a');
        await eventually(() => received === 'a', PATIENCE);
        proxy.cut(name);
        const [late, other] = [client, await open('127.0.0.2')];
        late.write('b');
        other.write('c');
        const direct = await open('127.0.0.1'); // As many turns as bytes need that are not held up.
        direct.write('d');
        await eventually(() => received.includes('d'), PATIENCE);
        if (name === 'somebody') await eventually(() => received.length === 4, PATIENCE);
        else expect(received).toBe('ad');
        proxy.heal(name, 'go-on');
        await eventually(() => received.split('').sort().join('') === 'abcd', PATIENCE);
      },
    );

    it('breaks what stood over a cut, if it is told to', async () => {
      const client = await open('127.0.0.2');
      await eventually(() => accepted.length === 1, PATIENCE);
      proxy.cut('server');
      client.write('a');
      const closed = new Promise((resolve) => client.once('close', resolve));
      proxy.heal('server', 'break');
      await closed;
      expect(received).toBe('');
    });

    it('holds the end of a connection back as well', async () => {
      const client = await open('127.0.0.2');
      await eventually(() => accepted.length === 1, PATIENCE);
      proxy.cut('client');
      const ended = jest.fn();
      client.on('close', ended);
      accepted[0]!.destroy();
      const direct = await open('127.0.0.1');
      direct.write('d');
      await eventually(() => received === 'd', PATIENCE);
      expect(ended).not.toHaveBeenCalled();
      proxy.heal('client', 'go-on');
      await eventually(() => ended.mock.calls.length === 1, PATIENCE);
    });
  });

  describe('the table of sockets', () => {
    it('counts what a server has written and a client has not read, and no less', async () => {
      const client = await open('127.0.0.1');
      client.pause();
      await eventually(() => accepted.length === 1, PATIENCE);
      const ends = { serverPort: port, clientPort: client.localPort! };
      expect(SocketTable.read().heldBytes(ends)).toBe(0);
      const bytes = 20_000;
      await new Promise((resolve) => accepted[0]!.write(Buffer.alloc(bytes), resolve));
      const held = SocketTable.read().heldBytes(ends);
      expect(held).toBeGreaterThanOrEqual(bytes);
      expect(held).toBeLessThanOrEqual(2 * bytes);
      let read = 0;
      client.on('data', (chunk) => (read += chunk.length)).resume();
      await eventually(() => read === bytes, PATIENCE);
      await eventually(() => SocketTable.read().heldBytes(ends) === 0, PATIENCE);
    });

    it('knows whose a connection is', async () => {
      const client = await open('127.0.0.1');
      const other = spawn(process.execPath, ['-e', `require('net').connect(${port}, '127.0.0.1')`]);
      try {
        await eventually(() => accepted.length === 2, PATIENCE);
        const pids = [process.pid, other.pid!];
        const owners = accepted.map(({ remotePort }) =>
          SocketTable.read().ownerOf({ localPort: remotePort!, remotePort: port }, pids),
        );
        expect(client.localPort).toBe(accepted[0]!.remotePort);
        expect(owners).toEqual(pids);
      } finally {
        other.kill('SIGKILL');
        await once(other, 'exit');
      }
    });
  });
});
