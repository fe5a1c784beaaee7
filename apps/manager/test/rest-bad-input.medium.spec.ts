import { useTestManager, type RequestOptions } from './manager-harness.js';

const TASK_ID = 'a'.repeat(64);
const MIB = 1024 * 1024;

interface BadRequest {
  readonly what: string;
  readonly method?: string;
  readonly path?: string;
  readonly options?: RequestOptions;
  readonly status: number;
  readonly code?: string;
  /** Must be named in the text and in `details.field`. */
  readonly field?: string;
}

const job = (body: Record<string, unknown>): RequestOptions => ({
  body: { type: 'delete_task', args: { task_id: TASK_ID }, ...body },
});
const args = (fields: Record<string, unknown>): RequestOptions =>
  job({ args: { task_id: TASK_ID, ...fields } });
const raw = (body: string, headers?: Record<string, string>): RequestOptions => ({
  body,
  ...(headers === undefined ? {} : { headers }),
});
const bodies = (
  field: string,
  entries: readonly (readonly [string, RequestOptions])[],
): BadRequest[] => entries.map(([what, options]) => ({ what, options, status: 422, field }));
const queries = (field: string, paths: readonly string[]): BadRequest[] =>
  paths.map((path) => ({ what: path, method: 'GET', path, status: 422, field }));

const BAD_REQUESTS: readonly BadRequest[] = [
  ...bodies('type', [
    ['an unknown type', job({ type: 'explode' })],
    ['no type', { body: { args: { task_id: TASK_ID } } }],
    ['a type that is no text', job({ type: 7 })],
  ]),
  ...bodies('args.task_id', [
    ['no name of a task', job({ args: {} })],
    ['a short task id', args({ task_id: 'abc' })],
    ['a task id in capitals', args({ task_id: 'A'.repeat(64) })],
    ['a task id with a path', args({ task_id: `../${'a'.repeat(61)}` })],
    ['a task id of 10,000 characters', args({ task_id: 'a'.repeat(10_000) })],
    ['a task id with a NUL', args({ task_id: `${'a'.repeat(63)}\0` })],
  ]),
  ...bodies('args.url', [
    ['a url without scheme', args({ url: 'example.com/file' })],
    ['a url of another scheme', args({ url: 'file:///etc/passwd' })],
    ['a url that is no text', args({ url: 1 })],
  ]),
  ...bodies('args.piece_length', [
    ['a piece length too small', args({ piece_length: 4_194_303 })],
    ['a piece length too large', args({ piece_length: 67_108_865 })],
    ['a piece length with a fraction', args({ piece_length: 4_194_304.5 })],
    ['a piece length with a sign', args({ piece_length: -4_194_304 })],
    ['a piece length in quotes', args({ piece_length: '4194304' })],
  ]),
  ...bodies('args.timeout', [
    ['a timeout of 30 ns', args({ timeout: 30 })],
    ['a timeout of no time', args({ timeout: '0s' })],
    ['a timeout over 7 days', args({ timeout: '168h1ms' })],
    ['a timeout with a fraction', args({ timeout: '1.5s' })],
    ['a timeout with a sign', args({ timeout: '-1s' })],
  ]),
  ...bodies('args.parallelism', [
    ['no parallelism at all', args({ parallelism: 0 })],
    ['too much parallelism', args({ parallelism: 1001 })],
    ['parallelism in quotes', args({ parallelism: '4' })],
  ]),
  ...bodies('args.failure_strategy', [['an unknown strategy', args({ failure_strategy: 'GO' })]]),
  ...bodies('args', [['args that are a list', job({ args: [] })]]),
  ...bodies('args.page', [['page 0 of a list', job({ type: 'list_tasks', args: { page: 0 } })]]),
  ...bodies('args.per_page', [
    ['per_page over the limit', job({ type: 'list_tasks', args: { per_page: 10_000_001 } })],
  ]),
  ...bodies('user_id', [
    ['a user that does not exist', job({ user_id: 3 })],
    ['a user id with a fraction', job({ user_id: 0.5 })],
    ['a user id with a sign', raw(`{"type":"delete_task","user_id":-0,"args":{}}`)],
  ]),
  ...bodies('scheduler_cluster_ids[0]', [
    ['a cluster id in quotes', job({ scheduler_cluster_ids: ['1'] })],
    ['a cluster id with a fraction', job({ scheduler_cluster_ids: [1.5] })],
    ['a cluster id with a sign', job({ scheduler_cluster_ids: [-1] })],
  ]),
  ...bodies('scheduler_cluster_ids', [
    ['cluster ids that are no list', job({ scheduler_cluster_ids: 1 })],
  ]),
  ...bodies('body', [['a body that is no object', raw('[1]')]]),
  ...queries(
    'page',
    ['?page=0', '?page=-1', '?page=1.5', '?page=%221%22', '?page=%2B1'].map(
      (query) => `/api/v1/jobs${query}`,
    ),
  ),
  ...queries('per_page', ['/api/v1/jobs?per_page=10000001', '/api/v1/peers?per_page=0']),
  ...queries('user_id', ['/api/v1/jobs?user_id=1.0']),
  ...queries('state', ['/api/v1/jobs?state=DONE', '/api/v1/schedulers?state=up']),
  ...queries('type', ['/api/v1/jobs?type=explode']),
  ...queries('id', ['/api/v1/jobs/x', '/api/v1/jobs/1.5', '/api/v1/jobs/-1', "/api/v1/jobs/'1'"]),
  {
    what: 'an unknown cluster',
    options: job({ scheduler_cluster_ids: [99] }),
    status: 404,
    code: 'CLUSTER_NOT_FOUND',
  },
  {
    what: 'an unknown job',
    method: 'GET',
    path: '/api/v1/jobs/99',
    status: 404,
    code: 'JOB_NOT_FOUND',
  },
  {
    what: 'an unknown job to forget',
    method: 'DELETE',
    path: '/api/v1/jobs/99',
    status: 404,
    code: 'JOB_NOT_FOUND',
  },
  {
    what: 'targets of an unknown job',
    method: 'GET',
    path: '/api/v1/jobs/99/targets',
    status: 404,
    code: 'JOB_NOT_FOUND',
  },
  {
    what: 'an unknown path',
    method: 'GET',
    path: '/api/v1/nothing',
    status: 404,
    code: 'ROUTE_NOT_FOUND',
  },
  {
    what: 'a path kept for later',
    method: 'GET',
    path: '/v1/tasks',
    status: 404,
    code: 'ROUTE_NOT_FOUND',
  },
  { what: 'broken JSON', options: raw('{"type":'), status: 400, code: 'MALFORMED_JSON' },
  {
    what: 'two documents',
    options: raw('{"type":"x"}{"type":"y"}'),
    status: 400,
    code: 'MALFORMED_JSON',
  },
  { what: 'no body', options: raw(''), status: 400, code: 'MALFORMED_JSON' },
  {
    what: '1 MiB and 1 byte',
    options: raw(`"${'a'.repeat(MIB - 1)}"`),
    status: 413,
    code: 'BODY_TOO_LARGE',
  },
  {
    what: 'another content type',
    options: raw('type=delete_task', { 'content-type': 'application/x-www-form-urlencoded' }),
    status: 415,
    code: 'UNSUPPORTED_MEDIA_TYPE',
  },
  {
    what: 'a packed body',
    options: raw('{}', { 'content-encoding': 'gzip' }),
    status: 415,
    code: 'UNSUPPORTED_MEDIA_TYPE',
  },
];

describe('REST', () => {
  const manager = useTestManager();

  it.each(BAD_REQUESTS.map((request) => [request.what, request] as const))(
    'refuses %s in one JSON body and writes nothing',
    async (_what, { method = 'POST', path = '/api/v1/jobs', options, status, code, field }) => {
      const before = manager.get().countRows();
      const answer = await manager.get().request(method, path, options);
      expect([answer.status, answer.text]).toEqual([status, expect.any(String)]);
      const { message, errors, details } = answer.json;
      expect(Object.keys(answer.json as object)).toEqual(['message', 'errors', 'code', 'details']);
      expect(errors).toBe(message);
      if (code !== undefined) expect(answer.json.code).toBe(code);
      if (field !== undefined) {
        expect(message).toContain(field);
        expect(details.field).toBe(field);
      }
      expect(answer.text).not.toMatch(/\.[jt]s:\d|\/work\/|node_modules|select .* from|SQLITE/i);
      expect(manager.get().countRows()).toEqual(before);
    },
  );

  it('takes a body of exactly 1 MiB for what it holds', async () => {
    const filler = 'a'.repeat(MIB - '{"type":""}'.length);
    const answer = await manager.get().request('POST', '/api/v1/jobs', raw(`{"type":"${filler}"}`));
    expect([answer.status, answer.json.details.field]).toEqual([422, 'type']);
  });

  it('answers headers that are too large in JSON', async () => {
    const headers = { 'x-filler': 'a'.repeat(20_000) };
    const answer = await manager.get().request('GET', '/healthz', { headers });
    expect([answer.status, answer.json.code]).toEqual([431, 'HEADERS_TOO_LARGE']);
  });

  it('ignores unknown fields and names them in a Warning', async () => {
    const answer = await manager
      .get()
      .request('POST', '/api/v1/jobs', job({ colour: 1, args: { task_id: TASK_ID, tint: 2 } }));
    expect(answer.status).toBe(200);
    expect(answer.headers.get('warning')).toBe(
      '299 pondhawk "unknown fields ignored: colour, args.tint"',
    );
    expect(answer.json.args).toEqual({ task_id: TASK_ID, timeout: 3_600_000_000_000 });
  });

  it('echoes the calculated task id of a url, which wins over the other names', async () => {
    const url = 'https://example.com/f?X-Amz-Signature=1';
    const answer = await manager
      .get()
      .request('POST', '/api/v1/jobs', args({ url, tag: 't', piece_length: 4_194_304 }));
    expect(answer.json.args).toMatchObject({
      // What lets in is kept nowhere.
      url: url.replace(/1$/, '***'),
      ...{ tag: 't', piece_length: 4_194_304 },
    });
    expect(answer.json.args.task_id).toMatch(/^[0-9a-f]{64}$/);
    expect(answer.json.args.task_id).not.toBe(TASK_ID);
  });

  it('forgets no job that has not ended', async () => {
    const question = job({ type: 'get_task', args: { task_id: TASK_ID } });
    const { json } = await manager.get().request('POST', '/api/v1/jobs', question);
    const answer = await manager.get().request('DELETE', `/api/v1/jobs/${json.id}`);
    expect([answer.status, answer.json.code]).toEqual([409, 'JOB_NOT_FINISHED']);
  });
});
