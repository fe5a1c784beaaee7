/** Has a host fetch a task, and says what came of it. */

import { CONTENT_LENGTH_KEY, dfdaemonV2, type commonV2 } from '@pondhawk/contracts';
import { PondhawkError, toError } from '@pondhawk/core';
import { callServerStream, type ChannelPool } from '@pondhawk/rpc';

/** What one call came to. */
export type PreheatAnswer =
  | {
      readonly outcome: 'preheated' | 'already_here';
      /** Length of the content. */
      readonly bytes: number;
    }
  | {
      readonly outcome: 'failed';
      readonly code: string;
      readonly message: string;
      readonly isRetryable: boolean;
    };

/** Calls hosts; a port, so that preheats can be tried without a network. */
export abstract class PreheatCaller {
  /** Resolves when the host has the task, or does not get it. Never rejects. @param timeoutMs until it is given up. */
  abstract preheat(
    host: commonV2.Host,
    download: commonV2.Download,
    timeoutMs: number,
  ): Promise<PreheatAnswer>;
}

/** Calls hosts by gRPC, at the address they announced. */
export class GrpcPreheatCaller extends PreheatCaller {
  constructor(private readonly channels: ChannelPool) {
    super();
  }

  async preheat(
    host: commonV2.Host,
    download: commonV2.Download,
    timeoutMs: number,
  ): Promise<PreheatAnswer> {
    const address = `${host.ip}:${host.port}`;
    let started: dfdaemonV2.DownloadTaskStartedResponse | undefined;
    let told: string | undefined;
    try {
      const responses = callServerStream(
        this.channels.get(address),
        dfdaemonV2.DfdaemonUploadService.downloadTask,
        { download: { ...download, needPieceContent: false, timeout: toDuration(timeoutMs) } },
        {
          timeoutMs,
          onTrailers: (trailers) => (told = trailers.get(CONTENT_LENGTH_KEY)[0]?.toString()),
        },
      );
      for await (const { response } of responses) {
        if (response?.$case === 'downloadTaskStartedResponse') started = response.value;
      }
    } catch (thrown) {
      return describeFailure(toError(thrown), address);
    }
    return {
      outcome: started?.isFinished === true ? 'already_here' : 'preheated',
      bytes: Number(told ?? started?.contentLength ?? 0),
    };
  }
}

function describeFailure(error: Error, address: string): PreheatAnswer {
  const failed = { outcome: 'failed', isRetryable: false } as const;
  const code = error instanceof PondhawkError ? error.code : 'HOST_FAILED';
  if (code === 'DEADLINE_EXCEEDED') {
    const message = `${address} did not have it before the deadline of the job.`;
    return { ...failed, code, message };
  }
  // The transport's own code: the daemon was not reached, or is gone. One that names a reason was.
  if (code === 'UNAVAILABLE') {
    const message = `No connection to ${address}; is its daemon running?`;
    return { ...failed, code: 'HOST_UNREACHABLE', message, isRetryable: true };
  }
  return { ...failed, code, message: error.message };
}

function toDuration(ms: number): { seconds: bigint; nanos: number } {
  const wholeMs = Math.ceil(ms);
  return { seconds: BigInt(Math.floor(wholeMs / 1_000)), nanos: (wholeMs % 1_000) * 1_000_000 };
}
