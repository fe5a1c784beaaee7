import { randomBytes } from 'node:crypto';
import { readFile, readdir } from 'node:fs/promises';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { RegistryServer, TestAuthority, makeTempDir, type TempDir } from '@pondhawk/testing';
import { Stage, type Job } from './stage.js';

const MIB = 1024 * 1024;
const account = { user: 'me', password: 'p4ssw0rd-of-the-registry' };
const access = { username: account.user, password: account.password };

describe('Preheats of images from a registry with TLS and a token service', () => {
  const authority = new TestAuthority();
  const registry = new RegistryServer({ authority, auth: 'token', ...account });
  const layers = { amd64: [randomBytes(3 * MIB), randomBytes(MIB)], arm64: [randomBytes(MIB)] };
  let folder: TempDir;
  let stage: Stage;

  beforeAll(async () => {
    folder = await makeTempDir();
    const caFile = join(folder.path, 'ca.pem');
    writeFileSync(caFile, authority.certificate);
    await registry.start();
    const { content } = registry;
    const entries = (['amd64', 'arm64'] as const).map((architecture) => ({
      ...content.putImage('team/app', { layers: layers[architecture] }),
      platform: { os: 'linux', architecture },
    }));
    content.putIndex('team/app', { tag: '1.0', entries });
    const origin = { allow: ['127.0.0.0/8'], caFile };
    const overrides = { manager: { origin }, peer: { origin }, seed: { origin } };
    stage = await Stage.open({ schedulers: 2, seeds: 1, peers: 3, overrides });
    await stage.waitForLeases();
  }, 90_000);
  afterAll(async () => {
    await stage.close();
    await registry.stop();
    await folder.remove();
  }, 30_000);

  const image = (args: object = {}) => ({
    type: 'preheat',
    args: { type: 'image', url: registry.manifestUrl('team/app', '1.0'), ...access, ...args },
  });
  const urlsOf = ({ result }: Job): string[] =>
    (result.job_states ?? []).flatMap(({ results }) =>
      results.flatMap(({ success_tasks: tasks }) => tasks.map(({ url }) => url)),
    );

  it('bring every blob of the platform to every host, and the registry sends it about once', async () => {
    const before = registry.blobBytesSent;
    const job = await stage.runJob(image({ scope: 'all_peers' }));
    expect([job.state, job.result.counts['preheated']]).toEqual(['SUCCESS', 3]);
    // A config and two layers, on three hosts.
    expect(urlsOf(job)).toHaveLength(9);
    expect(registry.blobBytesSent - before).toBeLessThanOrEqual(1.25 * 4 * MIB + MIB);
    const sent = registry.blobBytesSent;
    const again = await stage.runJob(image({ scope: 'all_peers' }));
    expect(again.result.counts['already_here']).toBe(3);
    expect(registry.blobBytesSent).toBe(sent);
  }, 60_000);

  it('fetch only the platform that is asked for', async () => {
    const job = await stage.runJob(image({ platform: 'linux/arm64' }));
    expect([job.state, urlsOf(job).length]).toEqual(['SUCCESS', 2]);
  }, 60_000);

  it('fetch with a token of now, whatever became of that of the acceptance', async () => {
    registry.content.putImage('team/late', { layers: [randomBytes(MIB)], tag: 'x' });
    const tokens = () => registry.requests.filter(({ service }) => service === 'tokens').length;
    const before = tokens();
    registry.isOnlyNewestGood = true;
    const job = await stage.runJob(image({ url: registry.manifestUrl('team/late', 'x') }));
    registry.isOnlyNewestGood = false;
    expect([job.state, urlsOf(job).length, tokens() - before]).toEqual(['SUCCESS', 2, 2]);
  }, 60_000);

  it('are refused before there is a job if the registry does not let it be read', async () => {
    const post = async (args: object) => {
      const answer = await stage.rest('/api/v1/jobs', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(image(args)),
      });
      return [answer.status, (answer.body as { readonly code?: string }).code];
    };
    expect(await post({ password: 'wrong' })).toEqual([422, 'REGISTRY_CREDENTIALS_REFUSED']);
    expect(await post({ platform: 'linux/s390x' })).toEqual([404, 'IMAGE_PLATFORM_MISSING']);
    expect(await post({ url: registry.manifestUrl('team/none', '1.0') })).toEqual([
      ...[404, 'IMAGE_NOT_FOUND'],
    ]);
  }, 60_000);

  it('leave the password in no answer, ledger, broker, database or log', async () => {
    const entries = await readdir(stage.folder.path, { recursive: true, withFileTypes: true });
    const leaks: string[] = [];
    const secrets = [account.password, Buffer.from(`me:${account.password}`).toString('base64')];
    for (const { parentPath, name } of entries.filter((entry) => entry.isFile())) {
      const text = await readFile(join(parentPath, name), 'latin1');
      if (secrets.some((secret) => text.includes(secret))) leaks.push(name);
    }
    expect([entries.length > 20, leaks]).toEqual([true, []]);
    const { body } = await stage.rest('/api/v1/jobs?type=preheat');
    expect(JSON.stringify(body)).not.toContain(account.password);
    expect(JSON.stringify(body)).toContain('"password":"***"');
  }, 60_000);
});
