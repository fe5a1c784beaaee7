import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { randomBytes } from 'node:crypto';
import {
  MEDIA_TYPES,
  RegistryServer,
  TestAuthority,
  makeTempDir,
  type PushedImage,
  type TempDir,
} from '@pondhawk/testing';
import { Stage } from './stage.js';

const MIB = 1024 * 1024;
const account = { user: 'me', password: 'secret' };
const HEADER = `Authorization: Basic ${Buffer.from('me:secret').toString('base64')}`;

interface Distribution {
  readonly code?: string;
  readonly state?: string;
  readonly image: { readonly layers: readonly { readonly url: string }[] };
  readonly peers: readonly {
    readonly hostname: string;
    readonly cached_layers: { url: string }[];
  }[];
  readonly failure_peers: readonly unknown[];
}

describe('A cluster before a registry with TLS and a password', () => {
  const authority = new TestAuthority();
  const registry = new RegistryServer({ authority, auth: 'basic', ...account });
  let folder: TempDir;
  let stage: Stage;
  let image: PushedImage;

  beforeAll(async () => {
    folder = await makeTempDir();
    const caFile = join(folder.path, 'ca.pem');
    writeFileSync(caFile, authority.certificate);
    await registry.start();
    const layers = [randomBytes(2 * MIB), randomBytes(MIB)];
    image = registry.content.putImage('team/app', { layers });
    registry.content.putIndex('team/app', {
      tag: '1.0',
      entries: [{ ...image, platform: { os: 'linux', architecture: 'amd64' } }],
    });
    const origin = { allow: ['127.0.0.0/8'], caFile };
    const overrides = { manager: { origin }, peer: { origin }, seed: { origin } };
    stage = await Stage.open({ schedulers: 2, seeds: 1, peers: 2, overrides });
  }, 60_000);
  afterAll(async () => {
    await stage.close();
    await registry.stop();
    await folder.remove();
  }, 30_000);

  async function ask(args: object = {}): Promise<{ status: number; body: Distribution }> {
    const url = registry.manifestUrl('team/app', '1.0');
    const body = {
      type: 'get_image_distribution',
      args: { url, username: account.user, password: account.password, ...args },
    };
    const answer = await stage.rest('/api/v1/jobs', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    return { status: answer.status, body: answer.body as Distribution };
  }

  it('tells which peers hold which layers, after they fetched them', async () => {
    const [base = '', app = ''] = image.layers.map(({ digest }) =>
      registry.blobUrl('team/app', digest),
    );
    const get = async (peer: string, url: string): Promise<void> => {
      expect(`sha256:${await stage.get(peer, url, '-H', HEADER)}`).toBe(url.split('/').at(-1));
    };
    await Promise.all([get('peer-1', base), get('peer-1', app), get('peer-2', app)]);
    const { status, body } = await ask();
    expect([status, body.state, body.failure_peers]).toEqual([200, 'SUCCESS', []]);
    expect(body.image.layers).toHaveLength(3);
    const held = body.peers.map(({ hostname, cached_layers: cached }) => {
      return [hostname, cached.map(({ url }) => url)];
    });
    expect(Object.fromEntries(held)).toEqual({ 'peer-1': [base, app], 'peer-2': [app] });
    const words = ['image', registry.manifestUrl('team/app', '1.0'), '--header', HEADER];
    const shown = await stage.pondhawk(...words);
    expect([shown.code, shown.stderr]).toEqual([0, '']);
    expect(shown.stdout).toMatch(/peer-1 +127\.0\.0\.1 +2 of 3 +3\.0 MiB/);
    expect(shown.stdout).toMatch(/peer-2 +127\.0\.0\.1 +1 of 3 +1\.0 MiB/);
  }, 60_000);

  it('says why an image cannot be read, and fetches nothing of it', async () => {
    const sent = registry.blobBytesSent;
    const jobs = async (): Promise<number> => {
      const { body } = await stage.rest('/api/v1/jobs?per_page=1000');
      return (body as unknown[]).length;
    };
    const jobsBefore = await jobs();
    expect(await codeOf({ password: 'wrong' })).toBe('REGISTRY_CREDENTIALS_REFUSED');
    const mediaType = MEDIA_TYPES.oci.manifest;
    const { content } = registry;
    content.putManifest('team/app', { mediaType, body: ' '.repeat(4 * MIB + 1), tag: 'huge' });
    expect(await codeOf({ url: registry.manifestUrl('team/app', 'huge') })).toBe(
      'IMAGE_MANIFEST_TOO_LARGE',
    );
    registry.override = (_, response) => {
      response.writeHead(302, { location: 'https://169.254.169.254/latest/meta-data/' }).end();
      return true;
    };
    expect(await codeOf()).toBe('ORIGIN_ADDRESS_REFUSED');
    registry.override = undefined;
    expect([registry.blobBytesSent, await jobs()]).toEqual([sent, jobsBefore]);
  }, 30_000);

  async function codeOf(args: object = {}): Promise<string | undefined> {
    const { status, body } = await ask(args);
    expect(status).toBe(422);
    return body.code;
  }
});
