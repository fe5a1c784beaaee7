import { lookup as dnsLookup, type LookupAddress, type LookupOptions } from 'node:dns';
import { isIP } from 'node:net';
import { ConfigError, PermissionDeniedError } from '@pondhawk/core';
import ipaddr from 'ipaddr.js';
import { type Address, isPublicAddress, parseAddress } from './public-address.js';

type LookupCallback = (
  error: Error | null,
  address: string | LookupAddress[],
  family?: number,
) => void;

/** Resolves a name to all its addresses. */
export type Resolve = (
  hostname: string,
  callback: (error: Error | null, addresses: LookupAddress[]) => void,
) => void;

const resolveBySystem: Resolve = (hostname, callback) => {
  dnsLookup(hostname, { all: true, verbatim: true }, callback);
};

/**
 * Keeps requests away from addresses that are no public origin (`isPublicAddress`), unless they are
 * listed. A name is resolved once a connection, which goes to the very address that was judged: the
 * judge is the connection's own resolver.
 *
 * Not known here: networks that translate to IPv4 by a prefix of their own, and machines of the own
 * network with public addresses; a firewall has to know them.
 */
export class AddressGuard {
  private readonly allowedHosts = new Set<string>();
  private readonly allowedRanges: [Address, number][] = [];

  /**
   * @param allow host names, addresses and CIDR ranges that are allowed all the same.
   * @throws ConfigError (`INVALID_ORIGIN_ALLOW`) on an entry that is none of these.
   */
  constructor(
    allow: readonly string[],
    private readonly resolve: Resolve = resolveBySystem,
  ) {
    for (const entry of allow) this.allow(entry.toLowerCase());
  }

  /** Whether a connection to this address is allowed. */
  isAllowed(address: string): boolean {
    const parsed = parseAddress(address);
    if (parsed === undefined) return false;
    if (isPublicAddress(parsed)) return true;
    return this.allowedRanges.some(
      ([base, bits]) => base.kind() === parsed.kind() && parsed.match(base, bits),
    );
  }

  /**
   * Judges a URL's host before a connection: addresses at once, names when they are resolved.
   *
   * @throws PermissionDeniedError (`ORIGIN_ADDRESS_REFUSED`) for an address that is not allowed.
   */
  checkHost(hostname: string): void {
    const bare = hostname.replace(/^\[|\]$/g, '');
    if (isIP(bare) !== 0 && !this.allowedHosts.has(bare) && !this.isAllowed(bare)) {
      throw refusal(bare);
    }
  }

  /** The resolver for `net.connect`: gives only addresses that are allowed. */
  readonly lookup = (hostname: string, options: LookupOptions, callback: LookupCallback): void => {
    this.resolve(hostname, (error, addresses) => {
      if (error !== null) return callback(error, []);
      const trusted = this.allowedHosts.has(hostname.toLowerCase());
      const usable = trusted ? addresses : addresses.filter((a) => this.isAllowed(a.address));
      const first = usable[0];
      if (first === undefined) return callback(refusal(hostname), []);
      if (options.all === true) return callback(null, usable);
      callback(null, first.address, first.family);
    });
  };

  private allow(entry: string): void {
    if (entry.includes('/')) {
      if (!ipaddr.isValidCIDR(entry)) throw invalidEntry(entry);
      this.allowedRanges.push(ipaddr.parseCIDR(entry));
    } else if (isIP(entry) !== 0) {
      const address: Address = ipaddr.process(entry);
      this.allowedRanges.push([address, address.kind() === 'ipv4' ? 32 : 128]);
    } else if (/^[a-z0-9._-]+$/.test(entry)) {
      this.allowedHosts.add(entry);
    } else {
      throw invalidEntry(entry);
    }
  }
}

function refusal(host: string): PermissionDeniedError {
  return new PermissionDeniedError(
    'ORIGIN_ADDRESS_REFUSED',
    `${host} is no public address; origin.allow does not list it.`,
    { details: { host } },
  );
}

function invalidEntry(entry: string): ConfigError {
  return new ConfigError(
    'INVALID_ORIGIN_ALLOW',
    `origin.allow: ${entry} is no host name, address or CIDR range.`,
  );
}
