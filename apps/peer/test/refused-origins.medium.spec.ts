import { join } from 'node:path';
import {
  CorpusServer,
  FIRST_HOP_ADDRESS,
  IMPOSSIBLE_HOSTS,
  REFUSED_REDIRECTS,
  refusedHosts,
} from '@pondhawk/origin/testing';
import { type PeerProcess, startPeerProcess } from './peer-process.js';
import { filesIn } from './store-fixture.js';

describe('pondhawk-peer, over the corpus of addresses and redirects', () => {
  const corpus = new CorpusServer();
  let daemon: PeerProcess;

  beforeAll(async () => {
    await corpus.start();
    daemon = await startPeerProcess({ allow: [FIRST_HOP_ADDRESS] });
  }, 30_000);

  afterAll(async () => {
    expect(await daemon.stop()).toBe(0);
    await corpus.stop();
  }, 30_000);

  it('fetches from no refused host', async () => {
    const bypasses: string[] = [];
    for (const { kind, host } of refusedHosts()) {
      const outcome = await daemon.download(corpus.hostUrl(host));
      if (outcome !== 'ORIGIN_ADDRESS_REFUSED') {
        bypasses.push(`${host} (${kind}): ${outcome.toString()}`);
      }
    }
    expect(bypasses).toEqual([]);
    expect(corpus.insideConnections).toBe(0);
  }, 60_000);

  it('follows no redirect to where it may not go', async () => {
    const bypasses: string[] = [];
    for (const [index, { status, location, code }] of REFUSED_REDIRECTS.entries()) {
      const outcome = await daemon.download(corpus.redirectUrl(index));
      if (outcome !== code) bypasses.push(`${status} to ${location}: ${outcome.toString()}`);
    }
    expect(bypasses).toEqual([]);
    expect(corpus.insideConnections).toBe(0);
    // Asked once each: what is refused is not tried again.
    expect(corpus.paths).toEqual(REFUSED_REDIRECTS.map((_, index) => `/0/${index}`));
  }, 60_000);

  it('takes no URL whose host is none', async () => {
    for (const host of IMPOSSIBLE_HOSTS) {
      expect([host, await daemon.download(corpus.hostUrl(host))]).toEqual([host, 'INVALID_URL']);
    }
  });

  it('keeps no file of all that', () => {
    expect(filesIn(join(daemon.dataDir, 'content'))).toEqual([]);
  });
});
