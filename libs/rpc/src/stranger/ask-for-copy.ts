/** What a host says of its copy of a task, and of where it serves pieces, to anybody who asks. */

import {
  COPY_ID_KEY,
  dfdaemonV2,
  FILLED_AT_KEY,
  LOG_ID_KEY,
  PIECE_PORT_KEY,
  PIECES_KEY,
} from '@pondhawk/contracts';
import { toError, UnavailableError } from '@pondhawk/core';
import type { Client, Metadata } from '@grpc/grpc-js';
import { callServerStream } from '../calls.js';

/** Once a host has said which copy it has, a first piece is waited for so long: a fill may have none yet. */
const FIRST_PIECE_WAIT_MS = 200;

/** A copy, and where in a purge log it was begun. */
export interface CopyWord {
  /** 32 lower-case hex digits. */
  readonly copyId: string;
  /** 32 lower-case hex digits. */
  readonly logEpoch: string;
  readonly filledAt: number;
}

/** What a host says of a task. */
export interface HostWord {
  /** Absent if it holds nothing, or says nothing of it, as daemons of other makes do. */
  readonly copy: CopyWord | undefined;
  /** A piece that it says it has. */
  readonly pieceNumber: number | undefined;
  /** Where it serves pieces, if it tells. */
  readonly piecePort: number | undefined;
  /** Why nobody answered; absent if it did, whatever it said. */
  readonly unreachable?: string;
}

/** Asks by SyncPieces. Never rejects. */
export async function askForCopy(
  client: Client,
  taskId: string,
  { hostId, timeoutMs }: { readonly hostId: string; readonly timeoutMs: number },
): Promise<HostWord> {
  const enough = new AbortController();
  let wait: NodeJS.Timeout | undefined;
  let told: Metadata | undefined;
  const onMetadata = (metadata: Metadata): void => {
    told = metadata;
    wait = setTimeout(() => enough.abort(), FIRST_PIECE_WAIT_MS);
  };
  const request = { taskId, hostId, interestedPieceNumbers: [] };
  const options = { timeoutMs, signal: enough.signal, onMetadata };
  const method = dfdaemonV2.DfdaemonUploadService.syncPieces;
  try {
    for await (const piece of callServerStream(client, method, request, options)) {
      return wordOf(told, { pieceNumber: piece.number, piecePort: piece.tcpPort });
    }
    return wordOf(told, {});
  } catch (thrown) {
    const error = toError(thrown);
    const isSilent = told === undefined && error instanceof UnavailableError;
    return { ...wordOf(told, {}), ...(isSilent ? { unreachable: error.message } : {}) };
  } finally {
    clearTimeout(wait);
  }
}

const HEX_16_BYTES = /^[0-9a-f]{32}$/;
const NUMBER = /^\d{1,15}$/;
const PORT_MAX = 65_535;

/** What of it makes sense; who speaks nonsense has said nothing. */
function wordOf(
  metadata: Metadata | undefined,
  piece: { readonly pieceNumber?: number; readonly piecePort?: number | undefined },
): HostWord {
  const read = (key: string): string => metadata?.get(key)[0]?.toString() ?? '';
  const copyId = read(COPY_ID_KEY);
  const logEpoch = read(LOG_ID_KEY).split('.')[1] ?? '';
  const filledAt = read(FILLED_AT_KEY);
  const isTold =
    read(PIECES_KEY) === '1' &&
    HEX_16_BYTES.test(copyId) &&
    HEX_16_BYTES.test(logEpoch) &&
    NUMBER.test(filledAt);
  const port = read(PIECE_PORT_KEY);
  const piecePort = NUMBER.test(port) ? Number(port) : piece.piecePort;
  return {
    copy: isTold ? { copyId, logEpoch, filledAt: Number(filledAt) } : undefined,
    pieceNumber: piece.pieceNumber,
    piecePort:
      piecePort !== undefined && piecePort > 0 && piecePort <= PORT_MAX ? piecePort : undefined,
  };
}
