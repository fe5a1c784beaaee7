import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  OriginServer,
  RegistryServer,
  TestAuthority,
  makeTempDir,
  type TempDir,
} from '@pondhawk/testing';
import { type PeerProcess, startPeerProcess } from './peer-process.js';
import { contentOf } from './store-fixture.js';

const authority = new TestAuthority();
const account = { user: 'me', password: 'secret' };
const authorization = `Basic ${Buffer.from('me:secret').toString('base64')}`;
const layer = contentOf(300_000);

/** Blobs as registries give them: behind TLS, a password, and redirects to other origins. */
describe('pondhawk-peer, before an origin with TLS', () => {
  const registry = new RegistryServer({ authority, auth: 'basic', ...account });
  const elsewhere = new RegistryServer({ authority });
  const plain = new OriginServer();
  let dir: TempDir;
  let daemon: PeerProcess;
  let blob: string;

  beforeAll(async () => {
    dir = await makeTempDir();
    const caFile = join(dir.path, 'ca.pem');
    writeFileSync(caFile, authority.certificate);
    await Promise.all([registry.start(), elsewhere.start(), plain.start()]);
    const { digest } = registry.content.putBlob('app', 'x/y', layer);
    elsewhere.content.putBlob('app', 'x/y', layer);
    blob = registry.blobUrl('app', digest);
    plain.serve('/blob', { body: layer });
    daemon = await startPeerProcess({ allow: ['127.0.0.0/8'], caFile });
  }, 30_000);

  beforeEach(() => {
    registry.override = undefined;
    registry.requests.length = elsewhere.requests.length = 0;
  });

  afterAll(async () => {
    expect(await daemon.stop()).toBe(0);
    await Promise.all([registry.stop(), elsewhere.stop(), plain.stop()]);
    await dir.remove();
  }, 30_000);

  /** Answers each request that has the password with a redirect. */
  function redirectTo(location: string): void {
    registry.override = (_, response) => {
      if (registry.requests.at(-1)?.authorization !== authorization) return false;
      response.writeHead(307, { location }).end();
      return true;
    };
  }

  it('downloads what the authority of its settings vouches for', async () => {
    const bytes = await daemon.download(`${blob}?n=1`, { Authorization: authorization });
    expect(layer.equals(bytes as Buffer)).toBe(true);
  });

  it('takes user and password from the URL', async () => {
    const url = `${blob}?n=2`.replace('://', '://me:secret@');
    expect(layer.equals((await daemon.download(url)) as Buffer)).toBe(true);
  });

  it('says what the origin says without a password, and does not try again', async () => {
    expect(await daemon.download(`${blob}?n=3`)).toBe('ORIGIN_STATUS');
    expect(registry.requests).toHaveLength(1);
  });

  it('follows to another origin, and tells it no password', async () => {
    redirectTo(elsewhere.blobUrl('app', blob.split('/').at(-1) ?? ''));
    const bytes = await daemon.download(`${blob}?n=4`, { Authorization: authorization });
    expect(layer.equals(bytes as Buffer)).toBe(true);
    expect(new Set(elsewhere.requests.map((request) => request.authorization))).toEqual(
      new Set([undefined]),
    );
  });

  it('follows to no unencrypted place in a request with a password', async () => {
    redirectTo(plain.url('/blob'));
    const headers = { Authorization: authorization };
    expect(await daemon.download(`${blob}?n=5`, headers)).toBe('ORIGIN_REDIRECT');
    expect(plain.requests).toEqual([]);
  });

  it('follows to no metadata address', async () => {
    redirectTo('http://169.254.169.254/latest/');
    const headers = { Authorization: authorization };
    expect(await daemon.download(`${blob}?n=6`, headers)).toBe('ORIGIN_REDIRECT');
    redirectTo('https://169.254.169.254/latest/');
    expect(await daemon.download(`${blob}?n=7`, headers)).toBe('ORIGIN_ADDRESS_REFUSED');
  });

  it('downloads nothing from a server for which nobody vouches', async () => {
    const stranger = new RegistryServer({ authority: new TestAuthority() });
    await stranger.start();
    const { digest } = stranger.content.putBlob('app', 'x/y', layer);
    expect(await daemon.download(stranger.blobUrl('app', digest))).toBe('ORIGIN_UNREACHABLE');
    expect(stranger.requests).toEqual([]);
    await stranger.stop();
  });
});
