import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Writes `<dataDir>/addresses.json`: where this daemon listens, for whoever started it on free ports. */
export async function writeAddresses(
  dataDir: string,
  addresses: Readonly<Record<string, string>>,
): Promise<void> {
  await mkdir(dataDir, { recursive: true });
  const file = join(dataDir, 'addresses.json');
  await writeFile(`${file}.new`, `${JSON.stringify({ pid: process.pid, addresses })}\n`);
  await rename(`${file}.new`, file);
}
