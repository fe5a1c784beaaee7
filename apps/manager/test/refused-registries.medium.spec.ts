import { AddressGuard, GuardedFetcher } from '@pondhawk/origin';
import {
  CorpusServer,
  FIRST_HOP_ADDRESS,
  REFUSED_REDIRECTS,
  refusedHosts,
} from '@pondhawk/origin/testing';
import { RegistryServer } from '@pondhawk/testing';
import { ImageResolver } from '../src/images/index.js';

const signal = new AbortController().signal;

/** The same corpus that peers are tried with, in each place where a registry or a caller could name an address. */
describe('ImageResolver, over the corpus of addresses and redirects', () => {
  const corpus = new CorpusServer();
  const registry = new RegistryServer({ auth: 'token' });
  let fetcher: GuardedFetcher;
  /** Allows the registry alone, by its name; the corpus has `localhost` too. */
  let trusting: GuardedFetcher;

  const fetcherFor = (allow: string[]): GuardedFetcher =>
    new GuardedFetcher({ guard: new AddressGuard(allow), timeoutMs: 2_000, maxRedirects: 5 });

  beforeAll(async () => {
    await corpus.start();
    await registry.start();
    fetcher = fetcherFor([FIRST_HOP_ADDRESS]);
    trusting = fetcherFor(['localhost', FIRST_HOP_ADDRESS]);
  });
  afterAll(async () => {
    expect(corpus.insideConnections).toBe(0);
    await Promise.all([fetcher.stop(), trusting.stop(), registry.stop(), corpus.stop()]);
  });

  async function outcomeOf(by: GuardedFetcher, url: string): Promise<string> {
    const user = { username: 'u', password: 'p' };
    return new ImageResolver(by).resolve({ url, signal, ...user }).then(
      () => 'resolved',
      (error: unknown) => (error as { code: string }).code,
    );
  }

  it.each(refusedHosts())('reads no image from $host ($kind)', async ({ host }) => {
    const url = corpus.hostUrl(host).replace('/file', '/v2/app/manifests/1');
    expect(await outcomeOf(fetcher, url)).toBe('ORIGIN_ADDRESS_REFUSED');
  });

  // The registry itself stands at that name.
  const addresses = refusedHosts().filter(
    ({ host }) => new URL(`http://${host}/`).hostname !== 'localhost',
  );

  it.each(addresses)('fetches no token from $host ($kind)', async ({ host }) => {
    // Encrypted, since no password goes anywhere else.
    registry.realm = encodeURI(corpus.hostUrl(host).replace('http:', 'https:'))
      .replaceAll('%25', '%')
      .replaceAll('%5B', '[')
      .replaceAll('%5D', ']');
    const url = registry.manifestUrl('app', '1').replace('127.0.0.1', 'localhost');
    expect(await outcomeOf(trusting, url)).toBe('ORIGIN_ADDRESS_REFUSED');
  });

  const redirects = REFUSED_REDIRECTS.map((redirect, index) => ({ ...redirect, index })).filter(
    ({ location }) => location?.includes('localhost') !== true,
  );

  it.each(redirects)('follows no registry from $status to $location', async ({ index, code }) => {
    const location = corpus.redirectUrl(index);
    registry.override = (_, response) => {
      response.writeHead(307, { location }).end();
      return true;
    };
    const url = registry.manifestUrl('app', '1').replace('127.0.0.1', 'localhost');
    expect(await outcomeOf(trusting, url)).toBe(code);
    registry.override = undefined;
  });
});
