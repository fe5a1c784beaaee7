import { dfdaemonV2, type commonV2 } from '@pondhawk/contracts';
import { callServerStream, type ChannelPool } from '@pondhawk/rpc';
import { SeedCaller } from './swarm-loop.js';

/** A seed that has not fetched a task after so long is given up. */
const SEED_DOWNLOAD_TIMEOUT_MS = 6 * 3_600_000;

/** Asks seeds by gRPC, at the address they announced. */
export class GrpcSeedCaller extends SeedCaller {
  constructor(private readonly channels: ChannelPool) {
    super();
  }

  async download(host: commonV2.Host, download: commonV2.Download): Promise<void> {
    const client = this.channels.get(`${host.ip}:${host.port}`);
    const request = { download: { ...download, needPieceContent: false, outputPath: undefined } };
    const responses = callServerStream(
      client,
      dfdaemonV2.DfdaemonUploadService.downloadTask,
      request,
      {
        timeoutMs: SEED_DOWNLOAD_TIMEOUT_MS,
      },
    );
    // Progress is of no use here: the seed announces its pieces itself.
    let next = await responses.next();
    while (next.done !== true) next = await responses.next();
  }
}
