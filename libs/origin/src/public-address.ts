/** Which addresses belong to everybody's internet. */

import ipaddr from 'ipaddr.js';

/** An address of either kind, as ipaddr.js parses it. */
export type Address = ipaddr.IPv4 | ipaddr.IPv6;

/** Unicast by its number, but answered by the cloud itself: Azure's agent, with the machine's secrets. */
const METADATA: readonly [ipaddr.IPv4, number][] = [ipaddr.IPv4.parseCIDR('168.63.129.16/32')];
/** All IPv6 unicast that was ever given out (RFC 4291); the rest is for one site, one link or the past. */
const GLOBAL_UNICAST = ipaddr.IPv6.parseCIDR('2000::/3');
/** Translated to IPv4 by a gateway: as public as the IPv4 address within (RFC 6052). */
const NAT64 = ipaddr.IPv6.parseCIDR('64:ff9b::/96');

/** Parses an address; IPv4 written as IPv6 (`::ffff:1.2.3.4`) becomes IPv4. Undefined for anything else. */
export function parseAddress(text: string): Address | undefined {
  return ipaddr.isValid(text) ? ipaddr.process(text) : undefined;
}

/**
 * Whether the address is a public one: no private, loopback, link-local, shared (100.64/10),
 * multicast, reserved or metadata address, and no tunnel that could end at one.
 */
export function isPublicAddress(address: Address): boolean {
  return address instanceof ipaddr.IPv4 ? isPublicV4(address) : isPublicV6(address);
}

function isPublicV4(address: ipaddr.IPv4): boolean {
  return (
    address.range() === 'unicast' && !METADATA.some(([base, bits]) => address.match(base, bits))
  );
}

function isPublicV6(address: ipaddr.IPv6): boolean {
  if (address.match(...NAT64)) return isPublicV4(embeddedV4(address));
  return address.range() === 'unicast' && address.match(...GLOBAL_UNICAST) && !isIsatap(address);
}

/** The IPv4 address in the last four bytes. */
function embeddedV4(address: ipaddr.IPv6): ipaddr.IPv4 {
  return new ipaddr.IPv4(address.toByteArray().slice(12));
}

/** Any network's address may tunnel to an IPv4 one by this interface id (RFC 5214). */
function isIsatap({ parts }: ipaddr.IPv6): boolean {
  return (parts[4] === 0 || parts[4] === 0x200) && parts[5] === 0x5efe;
}
