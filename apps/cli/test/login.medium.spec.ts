import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { AUDIT_CHAIN_START, auditHash } from '@pondhawk/core';
import { makeTempDir, type TempDir } from '@pondhawk/testing';
import { run as runInTest } from './run-in-test.js';

interface Seen {
  readonly line: string;
  readonly authorization: string | undefined;
  readonly body: string;
}

/** Entries with a chain that is right; `changed` is written over one of them afterwards. */
function aLog(length: number, changed: Record<number, object> = {}): object[] {
  let hash = AUDIT_CHAIN_START;
  return Array.from({ length }, (_, index) => {
    const facts = {
      ...{ id: index + 1, operatedAtMs: 1_000, actorType: 'USER', actorName: 'root' },
      ...{ remoteIp: '127.0.0.1', operation: 'POST', path: '/api/v1/jobs', object: 'jobs' },
      ...{ selector: '', state: 'SUCCESS', statusCode: 200, result: '' },
    };
    hash = auditHash(hash, facts);
    return {
      ...{ id: facts.id, operated_at_ms: 1_000, actor_type: 'USER', actor_name: 'root' },
      ...{ remote_ip: '127.0.0.1', operation: 'POST', path: '/api/v1/jobs', object: 'jobs' },
      ...{ selector: '', state: 'SUCCESS', status_code: 200, detail: '', hash },
      ...changed[facts.id],
    };
  });
}

describe('pondhawk', () => {
  let home: TempDir;
  let server: Server;
  let url: string;
  let seen: Seen[];
  let log: object[];
  let begun: string | undefined; // What the manager says of removed entries.

  beforeEach(async () => {
    home = await makeTempDir();
    seen = [];
    log = [];
    server = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => {
        const line = `${request.method ?? ''} ${request.url ?? ''}`;
        seen.push({ line, authorization: request.headers.authorization, body });
        response.setHeader('content-type', 'application/json');
        if (begun !== undefined) response.setHeader('Pondhawk-Audit-Start', begun);
        response.end(JSON.stringify(answer(line)));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });

  afterEach(async () => {
    await new Promise((resolve) => server.close(resolve));
    await home.remove();
  });

  const answer = (line: string): unknown => {
    if (line.endsWith('/users/signin')) return { token: 'a-session' };
    if (line.endsWith('/personal-access-tokens')) return { token: 'pondhawk_pat_made' };
    const after = /after=(\d+)/.exec(line)?.[1];
    const behind = log.filter((entry) => (entry as { id: number }).id > Number(after));
    return after === undefined ? [] : behind.slice(0, 1_000);
  };
  const run = (words: string[], env: Record<string, string> = {}, secret = '') =>
    runInTest([...words, '--manager', url], { env: { HOME: home.path, ...env }, secret });

  it('signs in once, keeps a token for its owner alone, and shows it from then on', async () => {
    const { exitCode, stdout } = await run(['login'], {}, 'typed-password1');
    expect([exitCode, stdout.includes('pondhawk_pat_made')]).toEqual([0, false]);
    expect(JSON.parse(seen[0]!.body)).toEqual({ name: 'root', password: 'typed-password1' });
    expect(seen[1]).toMatchObject({ authorization: 'Bearer a-session' });
    const file = join(home.path, '.config', 'pondhawk', 'tokens.json');
    expect(JSON.parse(await readFile(file, 'utf8'))).toEqual({ [url]: 'pondhawk_pat_made' });
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    await run(['job', 'ls']);
    expect(seen.at(-1)?.authorization).toBe('Bearer pondhawk_pat_made');
    await run(['job', 'ls'], { PONDHAWK_TOKEN: 'given' });
    expect(seen.at(-1)?.authorization).toBe('Bearer given');
  });

  it('shows no token to a manager that it was not made for', async () => {
    await run(['job', 'ls'], { XDG_CONFIG_HOME: join(home.path, 'elsewhere') });
    expect(seen.at(-1)?.authorization).toBeUndefined();
  });

  it('finds an audit log whole, page by page, and says where it is not', async () => {
    log = aLog(2_500);
    const whole = await run(['audit-log', 'verify', '--json']);
    expect([whole.exitCode, JSON.parse(whole.stdout)]).toEqual([
      0,
      { isWhole: true, removed: 0, count: 2_500, hash: (log[2_499] as { hash: string }).hash },
    ]);
    log = aLog(2_500, { 1_700: { actor_name: 'nobody' } });
    const changed = await run(['audit-log', 'verify']);
    expect([changed.exitCode, changed.stdout]).toEqual([1, 'NOT whole: entry 1700 is changed\n']);
    log = aLog(10);
    begun = `4 ${(log[3] as { hash: string }).hash}`;
    log = log.slice(4);
    const aged = await run(['audit-log', 'verify', '--count', '2', '--hash', 'gone']);
    expect([aged.exitCode, aged.stdout]).toEqual([
      0,
      expect.stringContaining('10 entries, the first 4 removed by age') as string,
    ]);
    begun = `4 ${'0'.repeat(64)}`;
    expect((await run(['audit-log', 'verify'])).stdout).toContain('entry 5 is changed');
    begun = undefined;
    log = aLog(10);
    const cut = await run(['audit-log', 'verify', '--count', '11']);
    expect([cut.exitCode, cut.stdout]).toEqual([1, 'NOT whole: entry 11 is not as before\n']);
  });
});
