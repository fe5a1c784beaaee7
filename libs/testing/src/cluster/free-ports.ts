import { readFileSync } from 'node:fs';
import { createServer, type AddressInfo, type Server } from 'node:net';

/**
 * Asks the kernel for `count` different free TCP ports of 127.0.0.1. All are held open until the
 * last is known, so that no port is given twice.
 */
export async function findFreePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(Array.from({ length: count }, async () => listenAt(0)));
  return closeAll(servers);
}

const LASTING_PORT_MIN = 10_000;
const PORT_RANGE_FILE = '/proc/sys/net/ipv4/ip_local_port_range';

/**
 * As `findFreePorts`, but none that the kernel gives to outgoing connections: a process that is down for
 * a while finds its port free again. Linux alone.
 */
export async function findLastingPorts(count: number): Promise<number[]> {
  const end = Number(readFileSync(PORT_RANGE_FILE, 'utf8').split(/\s/)[0]);
  const servers: Server[] = [];
  while (servers.length < count) {
    const port = LASTING_PORT_MIN + Math.floor(Math.random() * (end - LASTING_PORT_MIN));
    const server = await listenAt(port).catch(() => undefined); // Somebody has it: another one, then.
    if (server !== undefined) servers.push(server);
  }
  return closeAll(servers);
}

async function listenAt(port: number): Promise<Server> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  return server;
}

async function closeAll(servers: readonly Server[]): Promise<number[]> {
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(
    servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve()))),
  );
  return ports;
}
