import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AddressGuard, GuardedFetcher, loadRoots } from '@pondhawk/origin';
import {
  MEDIA_TYPES,
  type PushedEntry,
  RegistryServer,
  TestAuthority,
  makeTempDir,
  type TempDir,
} from '@pondhawk/testing';
import {
  type ImageRequest,
  ImageResolver,
  MANIFEST_BYTES_MAX,
  type ResolvedImage,
} from '../src/images/index.js';

const authority = new TestAuthority();
const signal = new AbortController().signal;
const user = { username: 'me', password: 'pass:word' };
const account = { user: user.username, password: user.password };
const layers = [Buffer.from('base'), Buffer.from('app')];
const code = (expected: string): Error => expect.objectContaining({ code: expected }) as Error;
const basic = `Basic ${Buffer.from('me:pass:word').toString('base64')}`;

let dir: TempDir;
let fetcher: GuardedFetcher;
let registry: RegistryServer;
const started: RegistryServer[] = [];

beforeAll(async () => {
  dir = await makeTempDir();
  const caFile = join(dir.path, 'ca.pem');
  writeFileSync(caFile, authority.certificate);
  fetcher = new GuardedFetcher({
    guard: new AddressGuard(['127.0.0.0/8']),
    timeoutMs: 2_000,
    maxRedirects: 3,
    roots: loadRoots(caFile),
  });
});
afterEach(async () => {
  await Promise.all(started.splice(0).map((server) => server.stop()));
});
afterAll(async () => {
  await fetcher.stop();
  await dir.remove();
});

async function start(options: ConstructorParameters<typeof RegistryServer>[0]): Promise<void> {
  registry = new RegistryServer(options);
  started.push(registry);
  await registry.start();
}

const resolve = (url: string, extra: Partial<ImageRequest> = {}): Promise<ResolvedImage> =>
  new ImageResolver(fetcher).resolve({ url, signal, ...extra });

describe('ImageResolver', () => {
  it('finds the blobs of a platform in an index, behind TLS and tokens', async () => {
    await start({ authority, auth: 'token', ...account });
    const { content } = registry;
    const amd = content.putImage('team/app', { layers });
    const arm = content.putImage('team/app', { layers: [Buffer.from('arm')] });
    const platform = (architecture: string): Record<string, string> => ({
      os: 'linux',
      architecture,
    });
    content.putIndex('team/app', {
      tag: '1.0',
      entries: [
        { ...amd, platform: platform('amd64') },
        { ...arm, platform: { ...platform('arm64'), variant: 'v8' } },
      ],
    });
    const url = registry.manifestUrl('team/app', '1.0');
    const found = await resolve(url, user);
    expect(found.digest).toBe(amd.digest);
    expect(found.blobs).toEqual(
      [amd.config, ...amd.layers].map(({ mediaType, digest, size }, index) => ({
        kind: index === 0 ? 'config' : 'layer',
        url: registry.blobUrl('team/app', digest),
        mediaType,
        digest,
        sizeBytes: size,
      })),
    );
    const other = await resolve(url, { ...user, platform: 'linux/arm64' });
    expect(other.blobs.map(({ digest }) => digest)).toEqual([
      arm.config.digest,
      arm.layers[0]?.digest,
    ]);
    await expect(resolve(url, { ...user, platform: 'linux/s390x' })).rejects.toThrow(
      /no linux\/s390x; args\.platform can be one of: linux\/amd64, linux\/arm64\/v8/,
    );
  });

  it('tells user and password to the token service alone, and the token to the registry alone', async () => {
    await start({ authority, auth: 'token', ...account });
    registry.content.putImage('app', { layers, tag: '1' });
    const { headers } = await resolve(registry.manifestUrl('app', '1'), user);
    expect(headers['authorization']).toMatch(/^Bearer [\w-]+$/);
    expect(registry.requests).toEqual([
      { service: 'registry', path: '/v2/app/manifests/1', authorization: undefined },
      {
        service: 'tokens',
        path: '/token?service=test+registry&scope=repository%3Aapp%3Apull',
        authorization: basic,
      },
      { service: 'registry', path: '/v2/app/manifests/1', authorization: headers['authorization'] },
    ]);
  });

  it('gives headers with which the blobs can be fetched', async () => {
    await start({ authority, auth: 'token', ...account });
    registry.content.putImage('app', { layers, tag: '1' });
    const { blobs, headers } = await resolve(registry.manifestUrl('app', '1'), user);
    for (const blob of blobs) {
      const answer = await fetcher.get({ url: new URL(blob.url), headers, signal });
      expect(answer.status).toBe(200);
      expect((await answer.body.arrayBuffer()).byteLength).toBe(blob.sizeBytes);
    }
  });

  it.each([
    ['nobody, where nothing is asked for', { auth: 'none' }, {}, /^$/],
    ['a token for nobody', { auth: 'token' }, {}, /^Bearer/],
    ['user and password', { auth: 'basic', ...account }, user, /^Basic/],
    [
      'the headers of the caller',
      { auth: 'basic', ...account },
      { headers: { Authorization: basic } },
      /^Basic/,
    ],
  ] as const)('reads as %s', async (_, options, extra, authorization) => {
    await start({ authority, ...options });
    registry.content.putImage('app', { layers, tag: '1', format: 'docker' });
    const { headers, blobs } = await resolve(registry.manifestUrl('app', '1'), extra);
    expect(headers['authorization'] ?? '').toMatch(authorization);
    expect(blobs.map(({ mediaType }) => mediaType)).toContain(MEDIA_TYPES.docker.layer);
  });

  it('takes user and password from the URL, and puts them into no other', async () => {
    await start({ authority, auth: 'token', ...account });
    registry.content.putImage('app', { layers, tag: '1' });
    const url = registry.manifestUrl('app', '1').replace('://', '://me:pass%3Aword@');
    const { blobs } = await resolve(url);
    expect(blobs.map((blob) => blob.url).join()).not.toContain('@');
    expect(registry.requests.map(({ authorization }) => authorization)[0]).toBeUndefined();
  });

  it.each(['token', 'basic'] as const)('says so when the password is wrong (%s)', async (auth) => {
    await start({ authority, auth, ...account });
    registry.content.putImage('app', { layers, tag: '1' });
    const url = registry.manifestUrl('app', '1');
    const refused = { code: 'REGISTRY_CREDENTIALS_REFUSED', details: { field: 'args.username' } };
    await expect(resolve(url, { ...user, password: 'wrong' })).rejects.toMatchObject(refused);
    await expect(resolve(url)).rejects.toMatchObject(refused);
    const headers = { authorization: 'Bearer stale' };
    await expect(resolve(url, { headers })).rejects.toMatchObject(refused);
  });

  it('names an image that is not there, and a server whose certificate nobody vouches for', async () => {
    await start({ authority });
    await expect(resolve(registry.manifestUrl('app', '1'))).rejects.toThrow(
      code('IMAGE_NOT_FOUND'),
    );
    await start({ authority: new TestAuthority() });
    await expect(resolve(registry.manifestUrl('app', '1'))).rejects.toMatchObject({
      code: 'ORIGIN_UNREACHABLE',
      message: expect.stringMatching(/SELF_SIGNED|UNABLE_TO|LEAF_SIGNATURE|SIGNATURE/) as string,
    });
  });

  it('takes no bytes that are not those of the digest asked for', async () => {
    await start({ authority });
    const { content } = registry;
    const image = content.putImage('app', { layers, tag: '1' });
    const other = content.putImage('app', { layers: [Buffer.from('other')] });
    const stolen = content.findManifest('app', other.digest);
    registry.override = (path, response) => {
      if (!path.endsWith(image.digest)) return false;
      response.writeHead(200, { 'content-type': MEDIA_TYPES.oci.manifest }).end(stolen?.body);
      return true;
    };
    content.putIndex('app', {
      tag: 'i',
      entries: [{ ...image, platform: { os: 'linux', architecture: 'amd64' } }],
    });
    for (const reference of ['i', image.digest]) {
      await expect(resolve(registry.manifestUrl('app', reference))).rejects.toThrow(
        /those of its digest/,
      );
    }
    expect((await resolve(registry.manifestUrl('app', other.digest))).digest).toBe(other.digest);
  });

  it('reads manifests up to the limit, and drops the connection beyond', async () => {
    await start({ authority });
    const { content } = registry;
    const mediaType = MEDIA_TYPES.oci.manifest;
    const { config } = content.putImage('app', { layers });
    const text = JSON.stringify({ schemaVersion: 2, config, layers: [] });
    content.putManifest('app', { mediaType, body: text.padEnd(MANIFEST_BYTES_MAX), tag: 'max' });
    content.putManifest('app', {
      mediaType,
      body: text.padEnd(MANIFEST_BYTES_MAX + 1),
      tag: 'more',
    });
    expect((await resolve(registry.manifestUrl('app', 'max'))).blobs).toHaveLength(1);
    await expect(resolve(registry.manifestUrl('app', 'more'))).rejects.toThrow(
      code('IMAGE_MANIFEST_TOO_LARGE'),
    );
  });

  it('follows an index within an index, and no deeper', async () => {
    await start({ authority });
    const { content } = registry;
    let inner: PushedEntry = content.putImage('app', { layers });
    for (const depth of [2, 3, 4]) {
      inner = content.putIndex('app', { tag: `depth-${depth}`, entries: [inner] });
    }
    expect((await resolve(registry.manifestUrl('app', 'depth-3'))).blobs).toHaveLength(3);
    await expect(resolve(registry.manifestUrl('app', 'depth-4'))).rejects.toThrow(/too deep/);
  });

  it('names the same layer once', async () => {
    await start({ authority });
    registry.content.putImage('app', { layers: [...layers, ...layers], tag: '1' });
    expect((await resolve(registry.manifestUrl('app', '1'))).blobs).toHaveLength(3);
  });

  it('ends when its caller does', async () => {
    await start({ authority });
    registry.override = () => true; // Never answers.
    const url = registry.manifestUrl('app', '1');
    await expect(resolve(url, { signal: AbortSignal.timeout(100) })).rejects.toThrow(
      code('ORIGIN_TIMEOUT'),
    );
  });
});

describe('a registry that would misuse who reads from it', () => {
  const realms: [string, string][] = [
    ['to metadata', 'http://169.254.169.254/latest/'],
    ['to a name for this machine that is not listed', 'http://[::1]:1/'],
  ];

  it.each(realms)('sends nobody %s for a token', async (_, realm) => {
    await start({ authority, auth: 'token' });
    registry.realm = realm;
    await expect(resolve(registry.manifestUrl('app', '1'))).rejects.toThrow(
      code('ORIGIN_ADDRESS_REFUSED'),
    );
  });

  it.each([
    ['unencrypted elsewhere', 'http://127.0.0.1:1/token', /unencrypted/],
    ['by another scheme', 'file:///etc/passwd', /no address/],
    ['nowhere', '', /no address/],
    ['to a path', '/token', /no address/],
  ])('gets user and password sent %s by nobody', async (_, realm, message) => {
    await start({ authority, auth: 'token', ...account });
    registry.realm = realm;
    await expect(resolve(registry.manifestUrl('app', '1'), user)).rejects.toMatchObject({
      code: 'REGISTRY_CHALLENGE_REFUSED',
      message: expect.stringMatching(message) as string,
    });
  });

  it('gets no token for another origin by a redirect', async () => {
    await start({ authority });
    const elsewhere = registry;
    elsewhere.content.putImage('app', { layers, tag: '1' });
    await start({ authority, auth: 'token', ...account });
    registry.content.putImage('app', { layers, tag: '1' });
    registry.override = (path, response) => {
      if (registry.requests.at(-1)?.authorization === undefined) return false;
      response.writeHead(307, { location: `${elsewhere.origin()}${path}` }).end();
      return true;
    };
    await resolve(registry.manifestUrl('app', '1'), user);
    expect(elsewhere.requests.map(({ authorization }) => authorization)).toEqual([undefined]);
  });

  it('gets no credentials sent on unencrypted', async () => {
    await start({});
    const plain = registry;
    await start({ authority, auth: 'basic', ...account });
    registry.override = (_, response) => {
      if (registry.requests.at(-1)?.authorization === undefined) return false;
      response.writeHead(302, { location: plain.manifestUrl('app', '1') }).end();
      return true;
    };
    await expect(resolve(registry.manifestUrl('app', '1'), user)).rejects.toThrow(
      /from https to http/,
    );
    expect(plain.requests).toEqual([]);
  });

  it.each([
    ['no JSON', 'x'],
    ['no token', '{}'],
    ['a token that is no text', '{"token":1}'],
    ['a token with a line break', JSON.stringify({ token: 'a\r\nx: y' })],
    ['more than anybody reads', JSON.stringify({ token: 'a', more: 'x'.repeat(65_536) })],
  ])('gets nowhere with %s', async (_, answer) => {
    await start({ authority, auth: 'token' });
    registry.realm = `${registry.origin()}/own-token`;
    registry.override = (path, response) => {
      if (!path.startsWith('/own-token')) return false;
      response.end(answer);
      return true;
    };
    await expect(resolve(registry.manifestUrl('app', '1'))).rejects.toThrow(
      code('REGISTRY_CHALLENGE_REFUSED'),
    );
  });
});
