import type { LookupAddress } from 'node:dns';
import { isIP } from 'node:net';
import { AddressGuard } from './address-guard.js';
import {
  IMPOSSIBLE_HOSTS,
  PUBLIC_HOSTS,
  REFUSED_REDIRECTS,
  refusedHosts,
} from './testing/index.js';

/** The address that a host of a URL is, once parsed as a browser does; undefined for a name. */
function addressOf(host: string): string | undefined {
  const bare = new URL(`http://${host}:8080/`).hostname.replace(/^\[|\]$/g, '');
  return isIP(bare) === 0 ? undefined : bare;
}

describe('AddressGuard, over the corpus', () => {
  const guard = new AddressGuard([]);
  const addresses = refusedHosts().filter(({ host }) => addressOf(host) !== undefined);

  it('has at least 200 refused hosts and redirects, no host twice', () => {
    const hosts = refusedHosts().map(({ host }) => host);
    expect(hosts.length + REFUSED_REDIRECTS.length).toBeGreaterThanOrEqual(200);
    expect(new Set(hosts).size).toBe(hosts.length);
  });

  it.each(addresses)('refuses $host ($kind)', ({ host }) => {
    const { hostname } = new URL(`http://${host}/`);
    expect(() => guard.checkHost(hostname)).toThrow(/no public address/);
  });

  it.each(addresses)('refuses a name that resolves to $host ($kind)', async ({ host }) => {
    const address = addressOf(host) ?? '';
    const found: LookupAddress[] = [{ address, family: isIP(address) }];
    const rebinding = new AddressGuard([], (_, done) => done(null, found));
    const refusal = await new Promise((resolve) => {
      rebinding.lookup('public.example', { all: true }, resolve);
    });
    expect(refusal).toMatchObject({ code: 'ORIGIN_ADDRESS_REFUSED' });
  });

  it.each(PUBLIC_HOSTS)('lets %s pass', (host) => {
    expect(guard.isAllowed(addressOf(host) ?? '')).toBe(true);
  });

  it.each(IMPOSSIBLE_HOSTS)('knows %j for no host at all', (host) => {
    expect(URL.canParse(`http://${host}:8080/`)).toBe(false);
  });
});
