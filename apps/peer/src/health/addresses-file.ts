import { open, rename } from 'node:fs/promises';
import { join } from 'node:path';

/** What this daemon listens on: `host:port`, or the path of the socket. */
export interface PeerAddresses {
  readonly upload: string;
  readonly pieces: string;
  readonly socket: string;
  readonly health: string;
  readonly metrics: string;
}

/** Writes `<dataDir>/addresses.json`, whole or not at all, for whoever started a daemon on free ports. */
export async function writeAddressesFile(dataDir: string, addresses: PeerAddresses): Promise<void> {
  const path = join(dataDir, 'addresses.json');
  const handle = await open(`${path}.part`, 'w', 0o640);
  try {
    await handle.writeFile(`${JSON.stringify({ pid: process.pid, addresses })}\n`);
  } finally {
    await handle.close();
  }
  await rename(`${path}.part`, path);
}
