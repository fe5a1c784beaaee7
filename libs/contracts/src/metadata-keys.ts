/** Keys of gRPC metadata that are ours. A foreign daemon neither sends nor needs them. */

/** On DfdaemonUpload/DeleteTask: `<cluster>.<epoch, 32 hex>.<number>`; see `formatPurgeNumber` of core. */
export const PURGE_KEY = 'pondhawk-purge';
/** Initial metadata of SyncPieces: `1` when the sender answers guarded requests. */
export const PIECES_KEY = 'pondhawk-pieces';
/** Initial metadata of SyncPieces: the copy that is served, 32 hex digits. */
export const COPY_ID_KEY = 'pondhawk-copy-id';
/** Initial metadata of SyncPieces: `<cluster>.<epoch, 32 hex>`. */
export const LOG_ID_KEY = 'pondhawk-log-id';
/** Initial metadata of SyncPieces: the number of the log at which the copy was begun. */
export const FILLED_AT_KEY = 'pondhawk-filled-at';
/** Initial metadata of SyncPieces, also when nothing of the task is here: the TCP port for pieces. */
export const PIECE_PORT_KEY = 'pondhawk-piece-port';
/** Trailing metadata of DeleteTask and DeleteLocalTask: JSON, see `DeleteOutcome`. */
export const DELETE_OUTCOME_KEY = 'pondhawk-delete-outcome';
/** DownloadTask over the unix socket: `1` asks for content in chunks of at most 1 MiB, in order. */
export const CONTENT_CHUNKS_KEY = 'pondhawk-content-chunks';
/** DownloadTask: `unknown` in initial metadata, then the final length in trailing metadata. */
export const CONTENT_LENGTH_KEY = 'pondhawk-content-length';

/** What a delete did on one host. */
export interface DeleteOutcome {
  readonly outcome: 'deleted' | 'absent';
  readonly copies: number;
  readonly deleted_bytes: number;
  /** Which daemon says so, to schedulers: its start, and the identity of its data folder's lock. */
  readonly incarnation?: string;
  readonly folder_lock?: string;
}

/** The value of `DELETE_OUTCOME_KEY`. */
export function formatDeleteOutcome(outcome: DeleteOutcome): string {
  return JSON.stringify(outcome);
}

/** What our peers say; `undefined` when nothing, or nothing sensible, was said: a foreign daemon deleted without telling. */
export function parseDeleteOutcome(raw: string | undefined): DeleteOutcome | undefined {
  if (raw === undefined) return undefined;
  let parsed: unknown;
  try {
    parsed = JSON.parse(raw);
  } catch {
    // Not ours to judge: the status of the call already says that the delete was carried out.
    return undefined;
  }
  if (typeof parsed !== 'object' || parsed === null) return undefined;
  const { outcome, copies, deleted_bytes, incarnation, folder_lock } = parsed as Record<
    string,
    unknown
  >;
  if (outcome !== 'deleted' && outcome !== 'absent') return undefined;
  if (!isCount(copies) || !isCount(deleted_bytes)) return undefined;
  return {
    outcome,
    copies,
    deleted_bytes,
    ...(typeof incarnation === 'string' && { incarnation }),
    ...(typeof folder_lock === 'string' && { folder_lock }),
  };
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

/** On Scheduler/AnnounceHost, from hosts that also open `FleetSync/Sync` to their home: 32 hex digits. */
export const INCARNATION_KEY = 'pondhawk-incarnation';
/** On Scheduler/AnnounceHost: incarnations that this start has surely outlived, newest first, joined by commas. */
export const FORMERS_KEY = 'pondhawk-former-incarnations';
