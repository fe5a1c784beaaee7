/** Calls to one peer daemon, as programs on its machine and schedulers make them. */

import { commonV2, dfdaemonV2 } from '@pondhawk/contracts';
import { callServerStream, callUnary, createClient, type Client } from '@pondhawk/rpc';
import type { ProcessRecord } from '@pondhawk/testing';

const DOWNLOAD_TIMEOUT_MS = 300_000;
const DELETE_TIMEOUT_MS = 60_000;

/** What a download was made of. */
export interface DownloadReceipt {
  readonly taskId: string;
  readonly originBytes: number;
  readonly peerBytes: number;
  readonly pieceCount: number;
}

/** A peer of the bench's cluster, with its channels kept open. */
export class BenchPeer {
  private readonly local: Client;
  private readonly upload: Client;

  constructor(
    readonly record: Pick<ProcessRecord, 'addresses' | 'pid'>,
    /** `host:port` at which others reach its upload service. */
    uploadAddress = record.addresses['upload'] ?? '',
  ) {
    this.local = createClient(`unix:${record.addresses['socket'] ?? ''}`);
    this.upload = createClient(uploadAddress);
  }

  /** Has the daemon fetch a copy of `url`; resolves when the copy is complete and synced. */
  async download(url: string): Promise<DownloadReceipt> {
    const bytes = { origin: 0, peer: 0 };
    let taskId = '';
    let pieceCount = 0;
    const answers = callServerStream(
      this.local,
      dfdaemonV2.DfdaemonDownloadService.downloadTask,
      { download: commonV2.Download.fromPartial({ url, needPieceContent: false }) },
      { timeoutMs: DOWNLOAD_TIMEOUT_MS },
    );
    for await (const answer of answers) {
      taskId = answer.taskId;
      if (answer.response?.$case !== 'downloadPieceFinishedResponse') continue;
      const { piece } = answer.response.value;
      pieceCount += 1;
      bytes[piece?.parentId === undefined ? 'origin' : 'peer'] += Number(piece?.length ?? 0n);
    }
    return { taskId, originBytes: bytes.origin, peerBytes: bytes.peer, pieceCount };
  }

  /** DeleteTask on the upload listener, as a scheduler calls it. */
  async deleteTask(taskId: string): Promise<void> {
    await callUnary(
      this.upload,
      dfdaemonV2.DfdaemonUploadService.deleteTask,
      { taskId, remoteIp: '127.0.0.1' },
      { timeoutMs: DELETE_TIMEOUT_MS },
    );
  }

  /** Bytes of pieces it has sent to others so far, by its own metrics. */
  async sentBytes(): Promise<number> {
    const answer = await fetch(`http://${this.record.addresses['metrics'] ?? ''}/metrics`);
    const line = /^pondhawk_peer_upload_bytes_total(?:\{[^}]*\})? (\S+)$/m.exec(
      await answer.text(),
    );
    return Number(line?.[1] ?? '0');
  }

  /** Closes its channels. */
  close(): void {
    this.local.close();
    this.upload.close();
  }
}
