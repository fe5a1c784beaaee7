/** What Linux tells of the TCP connections of this machine: whose they are, and what the kernel holds of them. */

import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** One end of a connection over 127.0.0.0/8. */
interface SocketRow {
  readonly localPort: number;
  readonly remotePort: number;
  readonly inode: string;
  /** Sent and not acknowledged, or not sent yet; bytes. */
  readonly sendQueueBytes: number;
  /** Received and not read; bytes. */
  readonly receiveQueueBytes: number;
}

/** All TCP sockets of IPv4, as they are at this moment. */
export class SocketTable {
  private readonly rows: readonly SocketRow[];

  private constructor(text: string) {
    this.rows = text.split('\n').slice(1).flatMap(parseRow);
  }

  /** @throws Error where there is no `/proc/net/tcp`. */
  static read(): SocketTable {
    return new SocketTable(readFileSync('/proc/net/tcp', 'utf8'));
  }

  /**
   * Bytes that have left the process at `serverPort` and have not reached the one at `clientPort`. Those
   * whose receipt is not acknowledged yet count twice, so it is never less than there are.
   */
  heldBytes({ serverPort, clientPort }: { serverPort: number; clientPort: number }): number {
    const server = this.find(serverPort, clientPort)?.sendQueueBytes ?? 0;
    return server + (this.find(clientPort, serverPort)?.receiveQueueBytes ?? 0);
  }

  /** Which of these processes has the socket at `localPort` of a connection to `remotePort`. */
  ownerOf(
    { localPort, remotePort }: { localPort: number; remotePort: number },
    pids: readonly number[],
  ): number | undefined {
    const inode = this.find(localPort, remotePort)?.inode;
    return inode === undefined ? undefined : pids.find((pid) => socketsOf(pid).has(inode));
  }

  private find(localPort: number, remotePort: number): SocketRow | undefined {
    return this.rows.find((row) => row.localPort === localPort && row.remotePort === remotePort);
  }
}

/** `sl local remote st tx:rx tr:when retrnsmt uid timeout inode …`, numbers in hex up to `st`. */
function parseRow(line: string): SocketRow[] {
  const [, local, remote, , queues, , , , , inode] = line.trim().split(/\s+/);
  if (inode === undefined) return [];
  const hexAfterColon = (word: string | undefined): number =>
    parseInt(word?.split(':')[1] ?? '', 16);
  return [
    {
      localPort: hexAfterColon(local),
      remotePort: hexAfterColon(remote),
      inode,
      sendQueueBytes: parseInt(queues ?? '', 16),
      receiveQueueBytes: hexAfterColon(queues),
    },
  ];
}

function socketsOf(pid: number): Set<string> {
  const folder = `/proc/${pid}/fd`;
  try {
    const links = readdirSync(folder).map((name) => linkOf(`${folder}/${name}`));
    return new Set(links.map((link) => /^socket:\[(\d+)\]$/.exec(link)?.[1] ?? ''));
  } catch {
    return new Set(); // The process has ended.
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return ''; // Closed meanwhile.
  }
}
