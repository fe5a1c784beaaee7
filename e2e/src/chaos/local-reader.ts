/** Downloads through a host's unix socket, as a program on that machine does. */

import { CONTENT_CHUNKS_KEY, commonV2, dfdaemonV2 } from '@pondhawk/contracts';
import { toError } from '@pondhawk/core';
import { callServerStream, createClient, Metadata, type Client } from '@pondhawk/rpc';
import type { Recorder } from './recorder.js';

/** What is downloaded where. */
export interface Download {
  readonly host: string;
  readonly socketPath: string;
  readonly url: string;
  readonly content: { readonly path: string; readonly index: number };
  /** Gives it up. */
  readonly signal: AbortSignal;
}

/** What came of it. */
export interface DownloadEnd {
  readonly taskId: string | undefined;
  readonly receivedBytes: number;
  /** Why it ended early; undefined when it is whole. */
  readonly error: Error | undefined;
}

const DOWNLOAD_MS_MAX = 15_000;

/** Never throws: that a download fails while something is broken says nothing of purges. */
export async function downloadThrough(
  { host, socketPath, url, content, signal }: Download,
  recorder: Recorder,
): Promise<DownloadEnd> {
  const client = createClient(`unix:${socketPath}`);
  const answer = recorder.ask({
    host,
    content: content.path,
    contentIndex: content.index,
    way: 'socket',
  });
  let taskId: string | undefined;
  let receivedBytes = 0;
  try {
    for await (const message of callDownload(client, { url, signal })) {
      taskId = message.taskId;
      if (message.response?.$case !== 'downloadPieceFinishedResponse') continue;
      const { piece } = message.response.value;
      if (piece?.content === undefined) continue;
      receivedBytes += piece.content.length;
      answer.arrived(Buffer.from(piece.content), Number(piece.offset));
    }
    return { taskId, receivedBytes, error: undefined };
  } catch (thrown) {
    const error = toError(thrown);
    if (error.message.startsWith('Broken bytes'))
      recorder.fault(`${host}, socket: ${error.message}`);
    return { taskId, receivedBytes, error };
  } finally {
    answer.close();
    client.close();
  }
}

function callDownload(
  client: Client,
  { url, signal }: Pick<Download, 'url' | 'signal'>,
): AsyncIterable<dfdaemonV2.DownloadTaskResponse> {
  const metadata = new Metadata();
  metadata.set(CONTENT_CHUNKS_KEY, '1');
  const download = commonV2.Download.fromPartial({ url, needPieceContent: true });
  return callServerStream(
    client,
    dfdaemonV2.DfdaemonDownloadService.downloadTask,
    { download },
    { metadata, signal, timeoutMs: DOWNLOAD_MS_MAX },
  );
}
