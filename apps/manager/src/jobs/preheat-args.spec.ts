import { parseCreateJob } from './create-job-request.js';

const URL = 'https://origin.test/file';
const parse = (args: object): ReturnType<typeof parseCreateJob> =>
  parseCreateJob({ type: 'preheat', args: { type: 'file', url: URL, ...args } });
const many = <T>(count: number, make: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => make(index));
const urls = (count: number): string[] => many(count, (index) => `${URL}/${index}`);
const headers = (count: number): object =>
  Object.fromEntries(many(count, (index) => [`x-${index}`, '1']));
const ALL = { scope: 'all_peers' };

describe('the args of a preheat', () => {
  it.each<[string, object]>([
    ['args.urls', { urls: urls(200), url: '' }],
    ['args.ips', { ...ALL, ips: many(100, (index) => `10.0.0.${index}`) }],
    ['args.ips', { ...ALL, ips: ['10.0.0.1'] }],
    ['args.count', { ...ALL, count: 1 }],
    ['args.count', { ...ALL, count: 200 }],
    ['args.percentage', { ...ALL, percentage: 1 }],
    ['args.percentage', { ...ALL, percentage: 100 }],
    ['args.concurrent_task_count', { concurrent_task_count: 1 }],
    ['args.concurrent_task_count', { concurrent_task_count: 100 }],
    ['args.concurrent_peer_count', { concurrent_peer_count: 1 }],
    ['args.concurrent_peer_count', { concurrent_peer_count: 1_000 }],
    ['args.piece_length', { piece_length: 4_194_304 }],
    ['args.piece_length', { piece_length: 67_108_864 }],
    ['args.tag', { tag: 't'.repeat(1_024), application: 'a'.repeat(1_024) }],
    ['args.headers', { headers: headers(64) }],
    ['args.headers', { headers: { x: 'v'.repeat(8_191) } }],
    ['args.scope', { scope: 'all_seed_peers' }],
    ['args.filtered_query_params', { filtered_query_params: many(256, () => 'k').join('&') }],
  ])('may have %s at its limit', (_field, args) => {
    expect(() => parse(args)).not.toThrow();
  });

  it.each<[string, object]>([
    ['args.type', { type: 'other' }],
    ['args.type', { type: null }],
    ['args.urls', { url: null }],
    ['args.urls', { urls: [], url: '' }],
    ['args.urls', { urls: urls(201) }],
    ['args.urls', { urls: urls(200) }],
    ['args.urls', { urls: URL }],
    ['args.urls[1]', { urls: [URL, 'ftp://o/f'] }],
    ['args.url', { url: 'file:///etc/passwd' }],
    ['args.ips', { ...ALL, ips: many(101, () => '10.0.0.1') }],
    ['args.ips', { ...ALL, ips: [] }],
    ['args.count', { ...ALL, count: 0 }],
    ['args.count', { ...ALL, count: 201 }],
    ['args.percentage', { ...ALL, percentage: 0 }],
    ['args.percentage', { ...ALL, percentage: 101 }],
    ['args.concurrent_task_count', { concurrent_task_count: 0 }],
    ['args.concurrent_task_count', { concurrent_task_count: 101 }],
    ['args.concurrent_peer_count', { concurrent_peer_count: 0 }],
    ['args.concurrent_peer_count', { concurrent_peer_count: 1_001 }],
    ['args.piece_length', { piece_length: 4_194_303 }],
    ['args.piece_length', { piece_length: 67_108_865 }],
    ['args.tag', { tag: 't'.repeat(1_025) }],
    ['args.application', { application: 'a'.repeat(1_025) }],
    ['args.headers', { headers: headers(65) }],
    ['args.headers', { headers: [] }],
    ['args.headers', { headers: { 'a b': '1' } }],
    ['args.headers.x', { headers: { x: 'v'.repeat(8_192) } }],
    ['args.headers.x', { headers: { x: 'a\r\nb: c' } }],
    ['args.headers.x', { headers: { x: 1 } }],
    ['args.scope', { scope: 'everybody' }],
    ['args.scope', { count: 1 }],
    ['args.filtered_query_params', { filtered_query_params: many(257, () => 'k').join('&') }],
  ])('are refused by the name of %s beyond it', (field, args) => {
    expect(() => parse(args)).toThrow(field);
  });

  it('show no secret, and keep them for whoever carries it out', () => {
    const secret = 'https://u:p4ss@origin.test/file?sig=p4ss&e=p4ss';
    const request = parse({
      url: secret,
      urls: [secret, `${URL}?e=p4ss`],
      headers: { Authorization: 'p4ss', 'X-Other': 'p4ss' },
      filtered_query_params: 'e',
    });
    expect(request.args).toMatchObject({
      urls: ['https://***@origin.test/file?sig=***&e=***', `${URL}?e=***`],
      headers: { Authorization: '***', 'X-Other': '***' },
    });
    const { preheat, ...rest } = request;
    expect(JSON.stringify([rest, preheat?.rule])).not.toContain('p4ss');
    expect(preheat?.plan).toMatchObject({
      tasks: [{ url: secret }, { url: `${URL}?e=p4ss` }],
      headers: { Authorization: 'p4ss' },
    });
  });

  const IMAGE = 'https://registry.test/v2/team/app/manifests/1.0';
  const image = (args: object) => parse({ type: 'image', url: IMAGE, ...args });

  it('of an image name its manifest, and show neither user nor password of the registry', () => {
    const access = { username: 'me', password: 'p4ss', platform: 'linux/arm64/v8' };
    const { args, preheat } = image({ ...access, headers: { 'X-Own': 'p4ss' } });
    expect(args).toMatchObject({ type: 'image', url: IMAGE, platform: 'linux/arm64/v8' });
    expect(JSON.stringify(args)).not.toContain('p4ss');
    expect(preheat?.plan).toMatchObject({ tasks: [], image: { url: IMAGE, ...access } });
    expect(image({ platform: '' }).args).toMatchObject({ platform: 'linux/amd64' });
  });

  it.each([
    ['args.type', { type: 'chart' }],
    ['args.url', { url: '' }],
    ['args.url', { url: 'https://registry.test/v2/team/app/blobs/1.0' }],
    ['args.urls', { urls: [IMAGE] }],
    ['platform', { platform: 'linux' }],
    ['args.username', { username: 'u'.repeat(1_025) }],
    ['args.password', { password: 1 }],
  ])('of an image are refused by the name of %s', (field, args) => {
    expect(() => image(args)).toThrow(field);
  });
});
