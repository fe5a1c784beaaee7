/** Server-Sent Events as text: https://html.spec.whatwg.org/multipage/server-sent-events.html */

import { jobView, timeView, type Json } from '../job-views/index.js';
import type { EventPosition, JobAtEvent, JobEventRecord } from '../ledger/index.js';
import { invalidField } from '../rest-edge/field-reader.js';

/** After a lost connection clients come back after this. */
export const RECONNECT_DELAY_MS = 1_000;
/** The first line of a stream. */
export const PREAMBLE = `retry: ${RECONNECT_DELAY_MS}\n\n`;
/** What says that the stream lives; clients ignore it. */
export const HEARTBEAT = ':\n\n';
/** Sent last when the job's record is removed; it has no id, as nothing can follow it. */
export const DELETED_EVENT = 'event: job-deleted\ndata: {}\n\n';

const POSITION = /^(\d{1,15})(?:\.(\d{1,15}))?$/;

/**
 * Reads `Last-Event-ID`; a ledger number alone stands for all its events.
 *
 * @throws InvalidArgumentError (`INVALID_FIELD`) if it is no id of ours.
 */
export function parsePosition(raw: string | undefined): EventPosition | undefined {
  if (raw === undefined || raw === '') return undefined;
  const [, number, ordinal] = POSITION.exec(raw) ?? [];
  if (number === undefined) {
    throw invalidField('Last-Event-ID', 'must be an id of this stream, like 120.1');
  }
  return {
    number: Number(number),
    ordinal: ordinal === undefined ? Number.MAX_SAFE_INTEGER : Number(ordinal),
  };
}

/** Whether `position` comes after `other`. */
export function isAfter(position: EventPosition, other: EventPosition): boolean {
  return position.number === other.number
    ? position.ordinal > other.ordinal
    : position.number > other.number;
}

/** The job as it stands, for a client that knows nothing of it. */
export function snapshotText({ detail, newest }: JobAtEvent): string {
  const view = jobView(detail);
  const { state, outcome, finality, finality_reasons, purge_seq, counts, deleted_bytes } = view[
    'result'
  ] as Json;
  const { id, type, task_id, phase, created_at, updated_at, args } = view;
  const facts = { state, outcome, finality, finality_reasons, purge_seq, counts, deleted_bytes };
  const data = { id, type, task_id, phase, ...facts, created_at, updated_at, args };
  return text('snapshot', newest, data);
}

/** One change. */
export function eventText(jobId: number, event: JobEventRecord): string {
  const data = { job_id: jobId, at: timeView(event.atMs), ...event.data };
  return text(event.kind, event, data);
}

function text(name: string, { number, ordinal }: EventPosition, data: Json): string {
  // JSON has no line breaks of its own, so one data line holds it.
  return `id: ${number}.${ordinal}\nevent: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
}
