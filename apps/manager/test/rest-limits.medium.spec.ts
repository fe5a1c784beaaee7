import { once } from 'node:events';
import { connect } from 'node:net';
import { URL_LENGTH_MAX } from '@pondhawk/pieces';
import { BIO_LENGTH_MAX, CLUSTERS_MAX } from '../src/jobs/create-job-request.js';
import { NAME_PART_LENGTH_MAX } from '../src/jobs/task-name.js';
import { useTestManager, type Answer } from './manager-harness.js';

const TASK_ID = 'a'.repeat(64);
/** From here on a request's headers are too large; Node counts path, names and values. */
const HEADER_BYTES_LIMIT = 16 * 1024;

type Args = Record<string, unknown>;

/** What is accepted at the limit, and one beyond it. */
const LIMITS: readonly (readonly [field: string, at: Args, beyond: Args])[] = [
  ['piece_length', { piece_length: 4_194_304 }, { piece_length: 4_194_303 }],
  ['piece_length', { piece_length: 67_108_864 }, { piece_length: 67_108_865 }],
  ['timeout', { timeout: '1ms' }, { timeout: '999us' }],
  ['timeout', { timeout: '168h' }, { timeout: '168h1ms' }],
  ['parallelism', { parallelism: 1 }, { parallelism: 0 }],
  ['parallelism', { parallelism: 1_000 }, { parallelism: 1_001 }],
  ['url', { url: urlOf(URL_LENGTH_MAX) }, { url: urlOf(URL_LENGTH_MAX + 1) }],
  ['tag', named({ tag: NAME_PART_LENGTH_MAX }), named({ tag: NAME_PART_LENGTH_MAX + 1 })],
  [
    'application',
    named({ application: NAME_PART_LENGTH_MAX }),
    named({ application: NAME_PART_LENGTH_MAX + 1 }),
  ],
];

function urlOf(length: number): string {
  const start = 'https://example.com/';
  return start + 'a'.repeat(length - start.length);
}

function named(lengths: Record<string, number>): Args {
  const texts = Object.entries(lengths).map(([name, length]) => [name, 'a'.repeat(length)]);
  return { url: urlOf(40), ...(Object.fromEntries(texts) as Args) };
}

describe('limits of REST', () => {
  const manager = useTestManager({ signUpByProvider: false });

  const create = (body: Args): Promise<Answer> =>
    manager.get().request('POST', '/api/v1/jobs', {
      body: { type: 'delete_task', args: { task_id: TASK_ID }, ...body },
    });
  const status = async (method: string, path: string, body?: Args): Promise<number> =>
    (await manager.get().request(method, `/api/v1${path}`, { body })).status;

  it.each(LIMITS)('take args.%s at its limit and not one beyond', async (field, at, beyond) => {
    const taken = await create({ args: { task_id: TASK_ID, ...at } });
    expect([taken.status, taken.text]).toEqual([200, expect.any(String)]);
    const { status: refused, json } = await create({ args: { task_id: TASK_ID, ...beyond } });
    expect([refused, json.details]).toEqual([422, { field: `args.${field}` }]);
  });

  it('take a bio and a list of clusters at their limits and not one beyond', async () => {
    expect((await create({ bio: 'b'.repeat(BIO_LENGTH_MAX) })).status).toBe(200);
    const long = await create({ bio: 'b'.repeat(BIO_LENGTH_MAX + 1) });
    expect([long.status, long.json.details]).toEqual([422, { field: 'bio' }]);
    const most = Array<number>(CLUSTERS_MAX).fill(1);
    expect((await create({ scheduler_cluster_ids: most })).status).toBe(200);
    const more = await create({ scheduler_cluster_ids: [...most, 1] });
    expect([more.status, more.json.details]).toEqual([422, { field: 'scheduler_cluster_ids' }]);
  });

  it.each([
    ['page', 1, 0],
    ['per_page', 1, 0],
    ['per_page', 10_000_000, 10_000_001],
  ])('take a %s of %d and none of %d', async (name, at, beyond) => {
    for (const path of ['/jobs', '/peers', '/audits']) {
      expect([path, await status('GET', `${path}?${name}=${at}`)]).toEqual([path, 200]);
      expect([path, await status('GET', `${path}?${name}=${beyond}`)]).toEqual([path, 422]);
    }
  });

  it('take names and passwords of users at their limits and not one beyond', async () => {
    let count = 0;
    const signUp = (nameLength: number, password: string): Promise<number> => {
      const name = `${++count}`.padEnd(nameLength, 'n');
      return status('POST', '/users/signup', { name, password, email: `${name}@example.com` });
    };
    for (const length of [8, 20]) expect(await signUp(5, '1'.padEnd(length, 'p'))).toBe(200);
    for (const length of [7, 21]) expect(await signUp(5, '1'.padEnd(length, 'p'))).toBe(422);
    for (const length of [3, 10]) expect(await signUp(length, 'password1')).toBe(200);
    for (const length of [2, 11]) expect(await signUp(length, 'password1')).toBe(422);
  });

  it('take headers that Node takes, and answer larger ones in JSON', async () => {
    expect(await statusOfHeaders(HEADER_BYTES_LIMIT - 1)).toBe('200');
    expect(await statusOfHeaders(HEADER_BYTES_LIMIT)).toBe('431');
  });

  /** Asks with headers of so many bytes, byte for byte, and gives the answer's status. */
  async function statusOfHeaders(bytes: number): Promise<string | undefined> {
    const [host = '', port] = manager.get().running.addresses.rest.split(':');
    const path = '/healthz';
    const fields = { Host: 'a', Connection: 'close', 'X-Filler': '' };
    const counted = path + Object.entries(fields).flat().join('');
    fields['X-Filler'] = 'a'.repeat(bytes - counted.length);
    const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
    const socket = connect(Number(port), host);
    socket.end(`GET ${path} HTTP/1.1\r\n${lines.join('')}\r\n`);
    const [answer] = (await once(socket, 'data')) as [Buffer];
    socket.destroy();
    return /^HTTP\/1.1 (\d+)/.exec(answer.toString())?.[1];
  }
});
