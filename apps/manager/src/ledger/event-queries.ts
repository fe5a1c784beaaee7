import { parseObject } from './job-rows.js';
import type { ReadContext } from './job-queries.js';
import type { EventPosition, JobEventRecord } from './records.js';

/** Before every event. */
export const NO_EVENT: EventPosition = { number: 0, ordinal: 0 };

/** A job's events after a position, in order. */
export async function loadEvents(
  { db }: ReadContext,
  jobId: number,
  { after, limit }: { readonly after: EventPosition; readonly limit: number },
): Promise<JobEventRecord[]> {
  const rows = await db
    .selectFrom('events')
    .selectAll()
    .where('job_id', '=', jobId)
    .where((eb) =>
      eb.or([
        eb('ledger_number', '>', after.number),
        eb.and([eb('ledger_number', '=', after.number), eb('ordinal', '>', after.ordinal)]),
      ]),
    )
    .orderBy('ledger_number')
    .orderBy('ordinal')
    .limit(limit)
    .execute();
  return rows.map((row) => ({
    number: row.ledger_number,
    ordinal: row.ordinal,
    kind: row.kind,
    data: parseObject(row.data),
    atMs: row.at_ms,
  }));
}

/** The newest event of a job; `NO_EVENT` if it has none. */
export async function findNewestEvent({ db }: ReadContext, jobId: number): Promise<EventPosition> {
  const row = await db
    .selectFrom('events')
    .select(['ledger_number as number', 'ordinal'])
    .where('job_id', '=', jobId)
    .orderBy('ledger_number', 'desc')
    .orderBy('ordinal', 'desc')
    .limit(1)
    .executeTakeFirst();
  return row ?? NO_EVENT;
}

/** Whether a job has this event, or one of the same command before it. */
export async function hasEvent(
  { db }: ReadContext,
  jobId: number,
  { number, ordinal }: EventPosition,
): Promise<boolean> {
  const row = await db
    .selectFrom('events')
    .select('ordinal')
    .where('job_id', '=', jobId)
    .where('ledger_number', '=', number)
    .where('ordinal', '<=', ordinal)
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}
