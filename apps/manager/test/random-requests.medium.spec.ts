import { readFileSync } from 'node:fs';
import { Agent, request as httpRequest } from 'node:http';
import { join } from 'node:path';
import fc from 'fast-check';
import { ContractChecker } from './contract-checker.js';
import { useTestManager } from './manager-harness.js';
import { randomRequests, type ApiDocument, type RandomRequest } from './random-requests.js';

const DOCUMENT = JSON.parse(
  readFileSync(join(__dirname, '..', 'openapi.json'), 'utf8'),
) as ApiDocument;
const REQUESTS = 20_000;
const SEED = 20_261_126;
const IN_FLIGHT = 48;
/** No route may be silent for longer; only `wait` may ask for more. */
const HANG_MS = 10_000;
/** What an answer must not hold: stacks, files of ours, and what databases say. */
const LEAK =
  /\n\s+at |node_modules|\.[jt]s:\d+|SQLITE_|sqlite3?[ :]|constraint failed|no such (table|column)|syntax error at|violates|\/(work|tmp|home|var)\/|_at_ms"?,|insert into|select \*/i;
/** These end or begin sessions; with the session that sends everything else the rest would be 401. */
const WITHOUT_SESSION = /\/users\/(signout|refresh_token)/;

interface Outcome {
  readonly status: number;
  readonly type: string;
  readonly text: string;
}

describe('20,000 random requests over every route', () => {
  const manager = useTestManager();

  it('meet no 5xx, no silence, no leak, errors of one shape, and what the document says', async () => {
    const { authorization, running, log, dataDir } = manager.get();
    const [host, port] = running.addresses.rest.split(':');
    const agent = new Agent({ keepAlive: true, maxSockets: IN_FLIGHT });
    const queue = fc.sample(randomRequests(DOCUMENT), { numRuns: REQUESTS, seed: SEED }).values();
    const contract = new ContractChecker();
    const faults: string[] = [];
    const statuses = new Map<number, number>();
    const send = async (made: RandomRequest): Promise<void> => {
      const session = WITHOUT_SESSION.test(made.path) ? {} : { authorization };
      const to = { host, port: Number(port), agent };
      const outcome = await exchange(made, { ...to, headers: session }).catch((error: unknown) => ({
        ...{ status: 0, type: '', text: String(error) },
      }));
      statuses.set(outcome.status, (statuses.get(outcome.status) ?? 0) + 1);
      const fault = faultOf(made, outcome, dataDir) ?? contract.faultOf({ ...made, ...outcome });
      if (fault !== undefined) faults.push(`${fault}: ${JSON.stringify({ made, outcome })}`);
    };
    const worker = async (): Promise<void> => {
      for (const made of queue) {
        if (faults.length > 5) return;
        await send(made);
      }
    };
    await Promise.all(Array.from({ length: IN_FLIGHT }, worker));
    agent.destroy();
    expect(log.withMessage('request failed')).toEqual([]);
    expect(faults.map((text) => text.slice(0, 2_000))).toEqual([]);
    // Neither all refused nor all let through: the requests get somewhere.
    expect(statuses.get(200)).toBeGreaterThan(REQUESTS / 10);
    expect(statuses.get(422)).toBeGreaterThan(REQUESTS / 10);
    expect((await manager.get().request('GET', '/api/v1/users/1')).status).toBe(200);
  }, 400_000);
});

function faultOf(
  { path }: RandomRequest,
  { status, type, text }: Outcome,
  dataDir: string,
): string | undefined {
  if (status === 0) return 'no answer';
  // It has no broker, and says so where it is asked.
  if (status === 503 && path.startsWith('/readyz')) return undefined;
  if (status >= 500) return 'a fault of ours';
  if (status < 400 && ![200, 204].includes(status)) return 'a success that is not 200';
  if (LEAK.test(text) || text.includes(dataDir)) return 'a leak';
  return status < 400 || isOfOneShape(type, text) ? undefined : 'an error of another shape';
}

function isOfOneShape(type: string, text: string): boolean {
  if (!type.startsWith('application/json')) return false;
  const body = JSON.parse(text) as { message?: unknown; errors?: unknown; code?: unknown };
  const isCode = /^[A-Z][A-Z0-9_]+$/.test(String(body.code));
  return typeof body.message === 'string' && body.message === body.errors && isCode;
}

/** As it is made: no client in between that tidies paths up. */
function exchange(
  { method, path, headers, body }: RandomRequest,
  to: { host?: string | undefined; port: number; agent: Agent; headers: Record<string, string> },
): Promise<Outcome> {
  const all = {
    ...to.headers,
    ...headers,
    ...(body === undefined
      ? {}
      : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
  };
  return new Promise((resolve, reject) => {
    const sent = httpRequest({ ...to, method, path, headers: all }, (response) => {
      const type = response.headers['content-type'] ?? '';
      const done = (text: string): void =>
        resolve({ status: response.statusCode ?? 0, type, text });
      if (type.startsWith('text/event-stream')) {
        done('');
        response.destroy(); // It would go on.
        return;
      }
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.on('end', () => done(text)).on('error', reject);
    });
    sent.setTimeout(HANG_MS, () => sent.destroy(new Error(`silent for ${HANG_MS} ms`)));
    sent.on('error', reject);
    sent.end(body);
  });
}
