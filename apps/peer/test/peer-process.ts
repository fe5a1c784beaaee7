import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dfdaemonV2 } from '@pondhawk/contracts';
import { callServerStream, createClient } from '@pondhawk/rpc';
import { eventually } from '@pondhawk/testing';

const BIN = join(__dirname, '..', 'bin', 'pondhawk-peer.js');

/** A daemon as a process of its own, without manager and schedulers, asked over its socket. */
export interface PeerProcess {
  readonly dataDir: string;
  /** How the download of a URL ended: its bytes, or the code of the error. */
  download(url: string, headers?: Readonly<Record<string, string>>): Promise<Buffer | string>;
  /** @returns the exit code, once all its files are gone. */
  stop(): Promise<number | null>;
}

/** Starts one with these settings for origins; resolves when it is ready. */
export async function startPeerProcess(
  origin: Readonly<Record<string, unknown>>,
): Promise<PeerProcess> {
  const dir = mkdtempSync(join(tmpdir(), 'ph-proc-'));
  const dataDir = join(dir, 'data');
  const free = { host: '127.0.0.1', port: 0 };
  const config = {
    dataDir,
    host: { hostname: 'one', ip: '127.0.0.1' },
    ...{ upload: free, pieces: free, health: free, metrics: free },
    socket: { path: join(dir, 'socket', 'peer.sock') },
    origin,
  };
  const file = join(dir, 'peer.yaml');
  writeFileSync(file, JSON.stringify(config)); // All JSON is YAML.
  const daemon = spawn(process.execPath, [BIN, '--config', file], { stdio: 'ignore' });
  const addresses = join(dataDir, 'addresses.json');
  await eventually(() => existsSync(addresses), { timeoutMs: 20_000 });
  const record = JSON.parse(readFileSync(addresses, 'utf8')) as { addresses: { socket: string } };
  const client = createClient(`unix:${record.addresses.socket}`);
  return {
    dataDir,
    download: async (url, requestHeader = {}) => {
      const request = dfdaemonV2.DownloadTaskRequest.create({
        download: { url, requestHeader, needPieceContent: true },
      });
      const { downloadTask } = dfdaemonV2.DfdaemonDownloadService;
      const bytes: Buffer[] = [];
      try {
        for await (const answer of callServerStream(client, downloadTask, request)) {
          if (answer.response?.$case !== 'downloadPieceFinishedResponse') continue;
          bytes.push(answer.response.value.piece?.content ?? Buffer.alloc(0));
        }
        return Buffer.concat(bytes);
      } catch (error) {
        return (error as { code: string }).code;
      }
    },
    stop: async () => {
      client.close();
      const ended = new Promise<number | null>((resolve) => daemon.once('exit', resolve));
      daemon.kill('SIGTERM');
      const code = await ended;
      rmSync(dir, { recursive: true, force: true });
      return code;
    },
  };
}
