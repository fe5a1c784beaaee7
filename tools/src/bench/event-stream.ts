/** One job's events, as a client of the manager follows them. */

import { headersFor, type ManagerAccess } from '@pondhawk/testing';

const TIMEOUT_MS = 60_000;

/** A stream of events from `open` to the end of its job. */
export class EventStream {
  private constructor(
    /** Resolves with Unix ms, with fractions, of when the client had the event that ends the job. */
    readonly ended: Promise<number>,
  ) {
    // Whoever awaits it is told; a stream that nobody awaits any more must not hide why.
    ended.catch(() => undefined);
  }

  /** Resolves once the snapshot is there. @throws Error on any answer but 200. */
  static async open(manager: ManagerAccess, jobId: number): Promise<EventStream> {
    const url = `${manager.url}/api/v1/jobs/${jobId}/events`;
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const response = await fetch(url, { headers: headersFor(manager), signal });
    if (!response.ok || response.body === null) {
      throw new Error(`${url} answered ${response.status}.`);
    }
    const chunks = response.body.pipeThrough(new TextDecoderStream())[Symbol.asyncIterator]();
    const text = await readUntil(chunks, 'event: snapshot', '');
    return new EventStream(endOf(chunks, text));
  }
}

async function endOf(chunks: AsyncIterator<string>, begun: string): Promise<number> {
  await readUntil(chunks, 'event: job-ended', begun);
  return nowMs();
}

/** Reads on until what was read since `begun` has the text. */
async function readUntil(
  chunks: AsyncIterator<string>,
  wanted: string,
  begun: string,
): Promise<string> {
  let text = begun;
  while (!text.includes(wanted)) {
    const next = await chunks.next();
    if (next.done === true) throw new Error(`The events ended without "${wanted}".`);
    text += next.value;
  }
  return text;
}

/** Unix ms with fractions: the same in all processes of this machine. */
export function nowMs(): number {
  return performance.timeOrigin + performance.now();
}
