import { mkdirSync, writeFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { join } from 'node:path';
import { makeTempDir, type TempDir } from '@pondhawk/testing';
import { startTestManager, useTestManager, type TestManager } from './manager-harness.js';

const PAGE = '<!doctype html><title>another console</title>';
const SCRIPT = 'main();';
const HTML = 'text/html,application/xhtml+xml,*/*;q=0.8';

interface Got {
  readonly status: number;
  readonly type: string;
  readonly caching: string;
  readonly text: string;
}

describe('another console', () => {
  let dir: TempDir;
  let manager: TestManager;

  beforeAll(async () => {
    dir = await makeTempDir();
    const build = join(dir.path, 'build');
    mkdirSync(join(build, 'static', 'js'), { recursive: true });
    mkdirSync(join(build, 'favicon'));
    writeFileSync(join(build, 'index.html'), PAGE);
    writeFileSync(join(build, 'static', 'js', 'main.8f3a.js'), SCRIPT);
    writeFileSync(join(build, 'favicon', 'icon.svg'), '<svg/>');
    writeFileSync(join(build, '.secret'), 'dot');
    writeFileSync(join(dir.path, 'outside.txt'), 'outside');
    manager = await startTestManager({ dataDir: join(dir.path, 'data'), consoleDir: build });
  }, 30_000);
  afterAll(async () => {
    await manager.stop();
    await dir.remove();
  }, 30_000);

  /** With the path as it is; a client in between would tidy it up. */
  const get = (path: string, { method = 'GET', accept = HTML } = {}): Promise<Got> =>
    new Promise((resolve, reject) => {
      const [host, port] = manager.running.addresses.rest.split(':');
      const sent = httpRequest({ host, port, method, path, headers: { accept } }, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            type: response.headers['content-type'] ?? '',
            caching: response.headers['cache-control'] ?? '',
            text,
          }),
        );
      });
      sent.on('error', reject).end();
    });

  it.each(['/', '/index.html', '/signin', '/clusters/1', '/resource/task/clear', '/clusters/1/'])(
    'is the page at %s, never kept',
    async (path) => {
      const { status, type, caching, text } = await get(path);
      expect([status, type.split(';')[0], caching, text]).toEqual([
        ...[200, 'text/html', 'no-cache', PAGE],
      ]);
    },
  );

  it.each([
    '/static/js/main.8f3a.js',
    '/clusters/static/js/main.8f3a.js',
    '/a/b/static/js/main.8f3a.js',
  ])('has its script at %s, kept for ever', async (path) => {
    const { status, type, caching, text } = await get(path, { accept: '*/*' });
    expect([status, text]).toEqual([200, SCRIPT]);
    expect(type).toContain('javascript');
    expect(caching).toContain('immutable');
  });

  it('has what is not hashed kept for an hour', async () => {
    expect((await get('/jobs/favicon/icon.svg')).caching).toBe('public, max-age=3600');
  });

  it.each([
    ...['/api/v1/nothing', '/api/nothing', '/api', '/oapi/v1/x', '/console/', '/v1/tasks'],
    ...['/v1/tasks/1', '/apis/', '/coordinate/x', '/healthy/x'],
  ])('is not at %s, where errors are JSON', async (path) => {
    const { status, type } = await get(path);
    expect([status, type.split(';')[0]]).toEqual([404, 'application/json']);
  });

  it.each([
    ...['/static/js/gone.js', '/favicon.ico', '/.secret', '/static/../../outside.txt'],
    ...['/../outside.txt', '/..%2foutside.txt', '/%2e%2e/outside', '/static/%2e%2e/%2e%2e/outside'],
    ...['/static/..%5c..%5coutside', '/a%00', '/%ff', '/static/js'],
  ])('refuses %s', async (path) => {
    const { status, text } = await get(path);
    expect([404, 400]).toContain(status);
    expect(text).not.toMatch(/outside$|dot$|another console/);
  });

  it('answers programs that want no page, and writes, as without it', async () => {
    expect((await get('/clusters/1', { accept: 'application/json' })).status).toBe(404);
    expect((await get('/clusters/1', { method: 'POST' })).status).toBe(404);
    expect((await get('/healthy')).status).toBe(200);
    expect((await get('/swagger')).text).toContain('swagger-ui');
    expect(await get('/signin', { method: 'HEAD' })).toMatchObject({ status: 200, text: '' });
  });

  it('must have a page: the manager does not start without', async () => {
    const options = { dataDir: join(dir.path, 'other'), consoleDir: dir.path };
    await expect(startTestManager(options)).rejects.toMatchObject({
      ...{ code: 'CONSOLE_UNUSABLE', details: { key: 'console.dir' } },
    });
  });
});

describe('without another console', () => {
  const manager = useTestManager();

  it('the front says what there is, and deep links nothing', async () => {
    const front = await manager.get().request('GET', '/');
    expect([front.status, front.json.api]).toEqual([200, '/api/v1']);
    expect((await manager.get().request('GET', '/clusters/1')).status).toBe(404);
  });
});
