/** What a local cluster consists of: which daemons, with which configuration, in which folders. */

import { join } from 'node:path';

/** The roles a process of a cluster can have. */
export type Role = 'nats' | 'manager' | 'scheduler' | 'seed' | 'peer';

/** One process to run: names are `nats`, `manager`, `scheduler-1`, `seed-1`, `peer-1`, …. */
export interface PlannedProcess {
  readonly name: string;
  readonly role: Role;
  readonly dataDir: string;
  readonly configFile: string;
  readonly logFile: string;
  /** The ports this process listens on, by the name under which it announces them. */
  readonly ports: Readonly<Record<string, number>>;
  readonly addresses: Readonly<Record<string, string>>;
  /** Contents of the configuration file. */
  readonly config: unknown;
}

/** How many of each, and where. */
export interface ClusterShape {
  readonly dir: string;
  readonly schedulers: number;
  readonly seeds: number;
  readonly peers: number;
  /** Settings laid over those of every daemon of a role, by section. */
  readonly overrides?: Readonly<Partial<Record<Role, Readonly<Record<string, unknown>>>>>;
}

const PORT_NAMES: Readonly<Record<Role, readonly string[]>> = {
  nats: ['client'],
  manager: ['rest', 'grpc', 'metrics'],
  scheduler: ['grpc', 'health'],
  seed: ['upload', 'pieces', 'health', 'metrics'],
  peer: ['upload', 'pieces', 'health', 'metrics'],
};

// Origins on this machine are refused by default; a local cluster has no other.
const LOCAL_ORIGINS = ['127.0.0.0/8', '::1/128'];
// The kernel's limit on a unix socket path; data folders of tests can lie deep.
const SOCKET_PATH_BYTES_MAX = 107;

/** The names and roles of a cluster of this shape, in the order in which they start. */
export function planNames(shape: ClusterShape): { name: string; role: Role }[] {
  const many = (role: Role, count: number): { name: string; role: Role }[] =>
    Array.from({ length: count }, (_, index) => ({ name: `${role}-${index + 1}`, role }));
  return [
    { name: 'nats', role: 'nats' },
    { name: 'manager', role: 'manager' },
    ...many('scheduler', shape.schedulers),
    ...many('seed', shape.seeds),
    ...many('peer', shape.peers),
  ];
}

/** How many ports a process of this role needs. */
export function portCount(role: Role): number {
  return PORT_NAMES[role].length;
}

/**
 * Plans every process of the cluster.
 *
 * @param portsOf the ports of a process, as many as `portCount` of its role says.
 */
export function planCluster(
  shape: ClusterShape,
  portsOf: (name: string) => readonly number[],
): PlannedProcess[] {
  const names = planNames(shape);
  const portsByName = new Map(
    names.map(({ name, role }) => [
      name,
      Object.fromEntries(PORT_NAMES[role].map((key, index) => [key, portsOf(name)[index] ?? 0])),
    ]),
  );
  const port = (name: string, key: string): number => portsByName.get(name)?.[key] ?? 0;
  const links = {
    natsUrl: `nats://127.0.0.1:${port('nats', 'client')}`,
    managerAddress: `127.0.0.1:${port('manager', 'grpc')}`,
  };
  return names.map(({ name, role }) => {
    const ports = portsByName.get(name) ?? {};
    const dataDir = join(shape.dir, 'data', name);
    const socket = join(dataDir, 'peer.sock.d', 'peer.sock');
    const config = {
      ...(configOf(role, { name, dataDir, ports, socket, ...links }) as object),
      ...(shape.overrides?.[role] ?? {}),
    };
    return {
      name,
      role,
      dataDir,
      configFile: join(shape.dir, 'config', `${name}.${role === 'nats' ? 'conf' : 'yaml'}`),
      logFile: join(shape.dir, 'logs', `${name}.log`),
      ports,
      addresses: addressesOf(role, ports, socket),
      config,
    };
  });
}

interface Links {
  readonly name: string;
  readonly dataDir: string;
  readonly socket: string;
  readonly ports: Readonly<Record<string, number>>;
  readonly natsUrl: string;
  readonly managerAddress: string;
}

function configOf(role: Role, links: Links): unknown {
  const listen = (key: string): object => ({ host: '127.0.0.1', port: links.ports[key] ?? 0 });
  switch (role) {
    case 'nats':
      return { port: links.ports['client'], storeDir: links.dataDir };
    case 'manager':
      return {
        dataDir: links.dataDir,
        rest: listen('rest'),
        grpc: listen('grpc'),
        metrics: listen('metrics'),
        nats: { url: links.natsUrl },
        origin: { allow: LOCAL_ORIGINS },
      };
    case 'scheduler':
      return {
        dataDir: links.dataDir,
        host: { hostname: links.name, ip: '127.0.0.1' },
        grpc: listen('grpc'),
        health: listen('health'),
        manager: { address: links.managerAddress },
        nats: { url: links.natsUrl },
      };
    case 'seed':
    case 'peer':
      return {
        dataDir: links.dataDir,
        host: {
          hostname: links.name,
          ip: '127.0.0.1',
          type: role === 'seed' ? 'super' : 'normal',
        },
        manager: { address: links.managerAddress },
        upload: listen('upload'),
        pieces: listen('pieces'),
        health: listen('health'),
        metrics: listen('metrics'),
        socket: { path: links.socket },
        origin: { allow: LOCAL_ORIGINS },
      };
  }
}

function addressesOf(
  role: Role,
  ports: Readonly<Record<string, number>>,
  socket: string,
): Record<string, string> {
  const addresses = Object.fromEntries(
    Object.entries(ports).map(([key, value]) => [key, `127.0.0.1:${value}`]),
  );
  return role === 'peer' || role === 'seed' ? { ...addresses, socket } : addresses;
}

/** The longest folder name under which the sockets of a cluster's peers still fit, in bytes. */
export function clusterDirBytesMax(): number {
  return SOCKET_PATH_BYTES_MAX - '/data/peer-999/peer.sock.d/peer.sock'.length;
}
