import { PassThrough } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { UnavailableError } from '@pondhawk/core';
import {
  HealthServer,
  INVALID_URL,
  MemoryLog,
  Metrics,
  SystemClock,
  createLog,
  redactUrl,
  type LogLevel,
} from './index.js';

function logTo(level: LogLevel): {
  log: ReturnType<typeof createLog>;
  lines: () => Promise<Record<string, unknown>[]>;
} {
  const stream = new PassThrough();
  let text = '';
  stream.on('data', (chunk: Buffer) => (text += chunk.toString()));
  const lines = async (): Promise<Record<string, unknown>[]> => {
    await delay(0);
    return text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  };
  return { log: createLog({ level, component: 'peer', stream }), lines };
}

describe('createLog', () => {
  it('writes one JSON object a line with component, bound and own fields', async () => {
    const { log, lines } = logTo('info');
    log.child({ taskId: 't' }).info('copy deleted', { copies: 2 });
    log.debug('not wanted');
    const all = await lines();
    expect(all).toHaveLength(1);
    expect(all[0]).toMatchObject({
      level: 'info',
      message: 'copy deleted',
      component: 'peer',
      taskId: 't',
      copies: 2,
    });
    expect(all[0]?.['timestamp']).toEqual(expect.any(String));
  });

  it('writes an error with its code, details and the chain of its causes', async () => {
    const { log, lines } = logTo('debug');
    const low = Object.assign(new Error('connect refused'), { code: 'ECONNREFUSED' });
    const err = new UnavailableError('HOST_UNREACHABLE', 'Host h is not there.', {
      cause: new Error('call failed', { cause: low }),
      details: { host: 'h' },
    });
    log.error('call failed', { err, message2: 'kept' });
    expect((await lines())[0]).toMatchObject({
      level: 'error',
      message: 'call failed',
      message2: 'kept',
      err: {
        name: 'UnavailableError',
        code: 'HOST_UNREACHABLE',
        message: 'Host h is not there.',
        details: { host: 'h' },
        causes: ['Error: call failed', 'Error ECONNREFUSED: connect refused'],
      },
    });
  });
});

describe('MemoryLog', () => {
  it('keeps the lines of its children too', () => {
    const log = new MemoryLog();
    log.child({ jobId: 1 }).warn('job late', { byMs: 5 });
    expect(log.withMessage('job late')).toEqual([
      { level: 'warn', message: 'job late', fields: { jobId: 1, byMs: 5 } },
    ]);
  });
});

describe('redactUrl', () => {
  it.each([
    ['https://user:pw@example.org:8443/a/b?sig=1#f', 'https://example.org:8443/a/b?…'],
    ['http://example.org', 'http://example.org/'],
    ['not a url', INVALID_URL],
  ])('shows %s as %s', (url, shown) => {
    expect(redactUrl(url)).toBe(shown);
  });
});

describe('Metrics', () => {
  it('shows every label combination of a counter from the start', async () => {
    const metrics = new Metrics();
    const labels = { outcome: ['deleted', 'failed'], kind: ['own', 'foreign'] } as const;
    const targets = metrics.counter({ name: 'scheduler_targets_total', help: 'Targets.', labels });
    targets.increment({ outcome: 'deleted', kind: 'own' });
    targets.add(2, { outcome: 'deleted', kind: 'own' });
    const text = await metrics.render();
    expect(text).toContain('scheduler_targets_total{outcome="deleted",kind="own"} 3');
    expect(text).toContain('scheduler_targets_total{outcome="failed",kind="foreign"} 0');
  });

  it('asks for observed counters each time, once a label combination', async () => {
    const metrics = new Metrics();
    const counts = { granted: 1, refused: 5 };
    const labels = { outcome: ['granted', 'refused'] } as const;
    metrics.observedCounter({ name: 'leases_total', help: 'Leases.', labels }, ({ outcome }) => {
      return counts[outcome];
    });
    metrics.observedCounter({ name: 'views_total', help: 'Views.' }, () => counts.granted);
    await metrics.render();
    counts.granted = 2;
    const text = await metrics.render();
    expect(text).toContain('leases_total{outcome="granted"} 2\n');
    expect(text).toContain('leases_total{outcome="refused"} 5\n');
    expect(text).toContain('views_total 2\n');
  });

  it('shows gauges, observed gauges and histograms', async () => {
    const metrics = new Metrics();
    metrics.gauge({ name: 'peer_fills', help: 'Fills.' }).set(3);
    metrics.observedGauge({ name: 'peer_copies', help: 'Copies.' }, () => 7);
    const options = { name: 'peer_fetch_seconds', help: 'Fetches.', buckets: [1, 2] };
    metrics.histogram(options).observe(1.5);
    const text = await metrics.render();
    expect(text).toContain('peer_fills 3');
    expect(text).toContain('peer_copies 7');
    expect(text).toContain('peer_fetch_seconds_bucket{le="2"} 1');
  });
});

describe('HealthServer', () => {
  let server: HealthServer;
  let url: string;

  beforeEach(async () => {
    server = new HealthServer({ host: '127.0.0.1', port: 0, metrics: new Metrics() });
    url = `http://127.0.0.1:${await server.start()}`;
  });
  afterEach(() => server.stop());

  it('answers that the process lives, whatever its parts say', async () => {
    server.addCheck('broker', () => 'no connection');
    expect((await fetch(`${url}/healthy`)).status).toBe(200);
    expect((await fetch(`${url}/healthz?x=1`)).status).toBe(200);
  });

  it('is ready only while every check passes, and names those that fail', async () => {
    const broker: { reason?: string } = {};
    server.addCheck('database', () => undefined);
    server.addCheck('broker', () => broker.reason);
    expect((await fetch(`${url}/readyz`)).status).toBe(200);
    broker.reason = 'no connection';
    server.addCheck('manager', () => Promise.reject(new Error('refused')));
    const answer = await fetch(`${url}/readyz`);
    expect(answer.status).toBe(503);
    expect(await answer.json()).toEqual({
      status: 'unavailable',
      failing: [
        { name: 'broker', reason: 'no connection' },
        { name: 'manager', reason: 'refused' },
      ],
    });
  });

  it('shows metrics, and 404 for anything else', async () => {
    expect((await fetch(`${url}/metrics`)).status).toBe(200);
    expect((await fetch(`${url}/`)).status).toBe(404);
  });

  it('refuses a port that is taken', async () => {
    const second = new HealthServer({ host: '127.0.0.1', port: Number(new URL(url).port) });
    await expect(second.start()).rejects.toMatchObject({ code: 'ADDRESS_UNUSABLE' });
  });
});

describe('SystemClock', () => {
  it('tells Unix time and a time that never goes back', () => {
    const clock = new SystemClock();
    expect(Math.abs(clock.nowMs() - Date.now())).toBeLessThan(1_000);
    const first = clock.monotonicMs();
    expect(clock.monotonicMs()).toBeGreaterThanOrEqual(first);
  });
});
