import type { commonV2 } from '@pondhawk/contracts';
import { InvalidArgumentError, type TaskId } from '@pondhawk/core';
import {
  type ContentDigest,
  parseContentDigest,
  parseDownloadUrl,
  parsePieceLengthBytes,
  taskIdOfContent,
  taskIdOfUrl,
} from '@pondhawk/pieces';

/** Request headers of one download. */
const HEADERS_MAX = 64;
const HEADER_LENGTH_MAX = 8_192;
/** Longest tag and application. */
const LABEL_LENGTH_MAX = 1_024;
const FILTERED_PARAMS_MAX = 256;

/** A download as it was asked for, checked. */
export interface DownloadSpec {
  readonly taskId: TaskId;
  readonly url: string;
  readonly tag: string;
  readonly application: string;
  readonly filteredQueryParams: readonly string[];
  /** Bytes; undefined: by the rule. */
  readonly pieceLength: number | undefined;
  readonly headers: Readonly<Record<string, string>>;
  /** What the whole content must hash to. */
  readonly digest: ContentDigest | undefined;
  readonly disableBackToSource: boolean;
  /** How long the caller waits; undefined: for ever. */
  readonly timeoutMs: number | undefined;
  readonly needPieceContent: boolean;
  /** As it goes to the scheduler. */
  readonly message: commonV2.Download;
}

/** @throws InvalidArgumentError (`INVALID_URL`, `INVALID_PIECE_LENGTH`, `INVALID_DIGEST`, `INVALID_DOWNLOAD`, `OUTPUT_PATH_REFUSED`). */
export function parseDownload(message: commonV2.Download | undefined): DownloadSpec {
  if (message === undefined) throw refuse('download', 'is missing');
  if (message.outputPath !== undefined && message.outputPath !== '') {
    throw new InvalidArgumentError(
      'OUTPUT_PATH_REFUSED',
      'output_path: this daemon opens no path of a caller; take the bytes from the stream.',
      { details: { field: 'output_path' } },
    );
  }
  if (message.range !== undefined) throw refuse('range', 'is not supported; ask for the whole');
  checkSizes(message);
  const url = parseDownloadUrl(message.url).href;
  const pieceLength =
    message.pieceLength === undefined
      ? undefined
      : parsePieceLengthBytes(Number(message.pieceLength));
  return {
    taskId: taskIdOf(message, pieceLength),
    url,
    tag: message.tag ?? '',
    application: message.application ?? '',
    filteredQueryParams: message.filteredQueryParams,
    pieceLength,
    headers: message.requestHeader,
    digest: isSet(message.digest) ? parseContentDigest(message.digest) : undefined,
    disableBackToSource: message.disableBackToSource,
    timeoutMs: timeoutOf(message),
    needPieceContent: message.needPieceContent,
    message,
  };
}

function taskIdOf(message: commonV2.Download, pieceLength: number | undefined): TaskId {
  if (isSet(message.contentForCalculatingTaskId)) {
    return taskIdOfContent(message.contentForCalculatingTaskId);
  }
  return taskIdOfUrl({
    url: message.url,
    tag: message.tag,
    application: message.application,
    pieceLengthBytes: pieceLength,
    filteredQueryParams: message.filteredQueryParams,
  });
}

function checkSizes(message: commonV2.Download): void {
  const { tag = '', application = '', filteredQueryParams, requestHeader } = message;
  if (tag.length > LABEL_LENGTH_MAX) throw refuse('tag', 'is too long');
  if (application.length > LABEL_LENGTH_MAX) throw refuse('application', 'is too long');
  if (filteredQueryParams.length > FILTERED_PARAMS_MAX) {
    throw refuse('filtered_query_params', 'has too many entries');
  }
  const headers = Object.entries(requestHeader);
  const areFine =
    headers.length <= HEADERS_MAX &&
    headers.every(([name, value]) => name.length + value.length <= HEADER_LENGTH_MAX);
  if (!areFine) throw refuse('request_header', 'is too large');
}

function timeoutOf({ timeout }: commonV2.Download): number | undefined {
  if (timeout === undefined) return undefined;
  const ms = Number(timeout.seconds) * 1_000 + Math.ceil(timeout.nanos / 1e6);
  if (!Number.isFinite(ms) || ms < 0) throw refuse('timeout', 'must not be negative');
  return ms === 0 ? undefined : ms;
}

function isSet(text: string | undefined): text is string {
  return text !== undefined && text !== '';
}

function refuse(field: string, why: string): InvalidArgumentError {
  return new InvalidArgumentError('INVALID_DOWNLOAD', `${field} ${why}.`, { details: { field } });
}
