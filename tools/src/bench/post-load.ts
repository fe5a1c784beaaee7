/** Many POSTs at once over connections that stay open. */

import { Agent, request } from 'node:http';

/** What is posted, to where. */
export interface PostLoadOptions {
  readonly url: string;
  /** Besides type and length. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly concurrency: number;
  /** The body of each, as text; the load ends with the last one. */
  readonly bodies: readonly string[];
}

/** Posts every body, so many at a time. @returns requests answered a second. @throws Error on any answer but 200. */
export async function postAll({
  url,
  headers = {},
  concurrency,
  bodies,
}: PostLoadOptions): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: concurrency });
  const queue = bodies.values();
  const worker = async (): Promise<void> => {
    for (const body of queue) await post(url, { body, agent, headers });
  };
  const startedAt = performance.now();
  try {
    await Promise.all(Array.from({ length: concurrency }, worker));
    return (bodies.length * 1_000) / (performance.now() - startedAt);
  } finally {
    agent.destroy();
  }
}

async function post(
  url: string,
  {
    body,
    agent,
    headers: more,
  }: {
    readonly body: string;
    readonly agent: Agent;
    readonly headers: Readonly<Record<string, string>>;
  },
): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const type = { 'content-type': 'application/json', 'content-length': body.length };
    const headers = { ...more, ...type };
    const call = request(url, { method: 'POST', agent, headers }, (response) => {
      response.resume();
      response.once('error', reject);
      response.once('end', () => {
        if (response.statusCode === 200) resolve();
        else reject(new Error(`${url} answered ${response.statusCode ?? 'nothing'}.`));
      });
    });
    call.once('error', reject);
    call.end(body);
  });
}
