import { get, type IncomingMessage } from 'node:http';
import type { Answer } from './manager-harness.js';

/** One event as a client reads it. */
export interface ReceivedEvent {
  readonly id: string;
  readonly name: string;
  readonly data: Answer['json'];
}

/** A client that follows the events of a job, as a browser's EventSource reads them. */
export class EventClient {
  readonly events: ReceivedEvent[] = [];
  readonly status: number;
  /** Resolves when the answer has ended, however. */
  readonly ended: Promise<void>;

  private constructor(private readonly message: IncomingMessage) {
    this.status = message.statusCode ?? 0;
    message.setEncoding('utf8');
    let rest = '';
    message.on('data', (chunk: string) => {
      const parts = (rest + chunk).split('\n\n');
      rest = parts.pop() ?? '';
      this.events.push(...parts.flatMap(parse));
    });
    this.ended = new Promise((resolve) => message.once('close', resolve));
  }

  /** @param url of the events. */
  static async open(
    url: string,
    {
      authorization = '',
      lastEventId,
    }: { readonly authorization?: string; readonly lastEventId?: string | undefined } = {},
  ): Promise<EventClient> {
    const headers = {
      authorization,
      ...(lastEventId === undefined ? {} : { 'Last-Event-ID': lastEventId }),
    };
    const message = await new Promise<IncomingMessage>((resolve, reject) => {
      get(url, { headers, agent: false }, resolve).on('error', reject);
    });
    return new EventClient(message);
  }

  get names(): readonly string[] {
    return this.events.map(({ name }) => name);
  }

  get lastId(): string {
    return this.events.at(-1)?.id ?? '';
  }

  /** Reads nothing more until `resume`. */
  pause(): void {
    this.message.pause();
  }

  leave(): void {
    this.message.destroy();
  }
}

function parse(text: string): ReceivedEvent[] {
  const fields = new Map(
    text.split('\n').map((line) => {
      const [name = '', ...value] = line.split(': ');
      return [name, value.join(': ')] as const;
    }),
  );
  const name = fields.get('event');
  if (name === undefined) return []; // A comment, or the time to come back after.
  const data = JSON.parse(fields.get('data') ?? '') as unknown;
  return [{ id: fields.get('id') ?? '', name, data }];
}
