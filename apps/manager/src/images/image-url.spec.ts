import { blobUrl, manifestUrl, parseImageUrl } from './image-url.js';

/** An error with this code, and these details if any are given. */
const errorWith = (expected: { code: string; details?: unknown }): Error =>
  expect.objectContaining(expected) as Error;

const digest = `sha256:${'a'.repeat(64)}`;

describe('parseImageUrl', () => {
  it.each([
    ['https://registry.example/v2/app/manifests/1.0', 'app', '1.0'],
    ['http://127.0.0.1:5000/v2/team/sub/app-x/manifests/latest', 'team/sub/app-x', 'latest'],
    [`https://registry.example/v2/a__b/c.d/manifests/${digest}`, 'a__b/c.d', digest],
    [
      `https://registry.example/v2/app/manifests/${digest.replace(':', '%3A')}?ns=docker.io`,
      'app',
      digest,
    ],
    ['https://registry.example/v2/manifests/manifests/manifests', 'manifests', 'manifests'],
    [
      `https://registry.example/v2/${'a'.repeat(255)}/manifests/${'t'.repeat(128)}`,
      'a'.repeat(255),
      't'.repeat(128),
    ],
  ])('reads %s', (raw, repository, reference) => {
    const image = parseImageUrl(raw);
    expect({ repository: image.repository, reference: image.reference }).toEqual({
      repository,
      reference,
    });
  });

  it('keeps user and password apart from the addresses it makes', () => {
    const image = parseImageUrl(
      'https://me%40x:p%zz@registry.example:5000/v2/app/manifests/1?x=y#z',
    );
    expect(image.user).toEqual({ user: 'me@x', password: 'p%zz' });
    expect(manifestUrl(image, digest).href).toBe(
      `https://registry.example:5000/v2/app/manifests/${digest}`,
    );
    expect(blobUrl(image, digest)).toBe(`https://registry.example:5000/v2/app/blobs/${digest}`);
  });

  it.each([
    'https://registry.example/app:1.0',
    'https://registry.example/v2/app/blobs/1.0',
    'https://registry.example/v2/App/manifests/1.0',
    'https://registry.example/v2/a..b/manifests/1.0',
    'https://registry.example/v2/a/../../x/manifests/1.0',
    'https://registry.example/v2/%2e%2e/manifests/1.0',
    'https://registry.example/v2/app/manifests/',
    'https://registry.example/v2/app/manifests/.hidden',
    'https://registry.example/v2/app/manifests/a%2Fb',
    `https://registry.example/v2/app/manifests/${'t'.repeat(129)}`,
    `https://registry.example/v2/${'a'.repeat(256)}/manifests/1`,
    'https://registry.example/v2/app/manifests/sha256:abc',
  ])('refuses %s', (raw) => {
    expect(() => parseImageUrl(raw)).toThrow(
      errorWith({ code: 'INVALID_IMAGE_URL', details: { field: 'args.url' } }),
    );
  });

  it.each(['registry.example/app', 'ftp://registry.example/v2/app/manifests/1', ''])(
    'takes %j for no URL',
    (raw) => {
      expect(() => parseImageUrl(raw)).toThrow(errorWith({ code: 'INVALID_URL' }));
    },
  );
});
