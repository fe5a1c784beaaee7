import { IMAGE_LAYERS_MAX, INDEX_ENTRIES_MAX, parseManifest } from './image-manifest.js';

/** An error with this code, and these details if any are given. */
const errorWith = (expected: { code: string; details?: unknown }): Error =>
  expect.objectContaining(expected) as Error;

const OCI = 'application/vnd.oci.image.manifest.v1+json';
const OCI_INDEX = 'application/vnd.oci.image.index.v1+json';
const digest = `sha256:${'a'.repeat(64)}`;
const part = { mediaType: 'x/y', digest, size: 1 };
const manifest = { schemaVersion: 2, config: part, layers: [part] };
const index = {
  schemaVersion: 2,
  manifests: [{ ...part, platform: { os: 'linux', architecture: 'arm', variant: 'v7' } }],
};
const parse = (type: string, body: unknown): unknown =>
  parseManifest(type, Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)));
const descriptor = { mediaType: 'x/y', digest, sizeBytes: 1 };

describe('parseManifest', () => {
  it.each([
    OCI,
    'application/vnd.docker.distribution.manifest.v2+json',
    `${OCI}; charset=utf-8`,
    OCI.toUpperCase(),
  ])('reads a manifest of %s', (type) => {
    expect(parse(type, manifest)).toEqual({
      kind: 'manifest',
      config: descriptor,
      layers: [descriptor],
    });
  });

  it.each([OCI_INDEX, 'application/vnd.docker.distribution.manifest.list.v2+json'])(
    'reads an index of %s',
    (type) => {
      const platform = { os: 'linux', architecture: 'arm', variant: 'v7' };
      expect(parse(type, index)).toEqual({ kind: 'index', entries: [{ ...descriptor, platform }] });
    },
  );

  it('leaves out layers that lie elsewhere, and platforms that are none', () => {
    const foreign = { ...part, urls: ['https://mcr.example/x'] };
    expect(parse(OCI, { ...manifest, layers: [foreign, { ...part, urls: [] }] })).toMatchObject({
      layers: [descriptor],
    });
    const odd = [{ os: 'linux' }, 'linux/amd64', null, { os: 'a b', architecture: 'x' }];
    expect(
      parse(OCI_INDEX, {
        schemaVersion: 2,
        manifests: odd.map((platform) => ({ ...part, platform })),
      }),
    ).toMatchObject({ entries: odd.map(() => ({ platform: undefined })) });
  });

  it('takes as many parts as it may have, and no more', () => {
    const layers = (count: number): unknown => ({ ...manifest, layers: Array(count).fill(part) });
    const entries = (count: number): unknown => ({ ...index, manifests: Array(count).fill(part) });
    expect(() => parse(OCI, layers(IMAGE_LAYERS_MAX))).not.toThrow();
    expect(() => parse(OCI, layers(IMAGE_LAYERS_MAX + 1))).toThrow(/more than 500/);
    expect(() => parse(OCI_INDEX, entries(INDEX_ENTRIES_MAX))).not.toThrow();
    expect(() => parse(OCI_INDEX, entries(INDEX_ENTRIES_MAX + 1))).toThrow(/more than 1000/);
  });

  it.each([
    ['no JSON', OCI, '{'],
    ['a list', OCI, []],
    ['nothing', OCI, 'null'],
    ['schema 1', 'application/vnd.docker.distribution.manifest.v1+prettyjws', { schemaVersion: 1 }],
    ['schema 1 under another name', OCI, { ...manifest, schemaVersion: 1 }],
    ['an error page', 'text/html', '<html>'],
    ['without a type', '', manifest],
    ['of another type within', OCI, { ...manifest, mediaType: OCI_INDEX }],
    ['both at once', OCI, { ...manifest, ...index }],
    ['both at once, the other way', OCI_INDEX, { ...index, layers: [] }],
    ['without config', OCI, { ...manifest, config: undefined }],
    ['without layers', OCI, { ...manifest, layers: {} }],
    ['with a digest of another kind', OCI, { ...manifest, config: { ...part, digest: 'md5:abc' } }],
    [
      'with a digest that is a path',
      OCI,
      { ...manifest, layers: [{ ...part, digest: '../../x' }] },
    ],
    [
      'with a digest in capitals',
      OCI,
      { ...manifest, layers: [{ ...part, digest: digest.toUpperCase() }] },
    ],
    ['with a negative size', OCI, { ...manifest, layers: [{ ...part, size: -1 }] }],
    ['with a fraction of a byte', OCI, { ...manifest, layers: [{ ...part, size: 1.5 }] }],
    ['with a size as text', OCI, { ...manifest, layers: [{ ...part, size: '1' }] }],
    ['with a layer that is none', OCI, { ...manifest, layers: ['x'] }],
    ['with a nameless type', OCI, { ...manifest, layers: [{ digest, size: 1 }] }],
  ])('refuses what is %s', (_, type, body) => {
    expect(() => parse(type, body)).toThrow(errorWith({ code: 'IMAGE_MANIFEST_INVALID' }));
  });
});
