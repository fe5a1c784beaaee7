/** Certificates for servers of tests, made on the spot: no file in the repository expires. */

import { type KeyObject, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { isIP } from 'node:net';
import { TRUE, bits, integer, objectId, octets, sequence, set, text, time, tlv } from './der.js';

/** What a TLS server needs, PEM. */
export interface ServerCertificate {
  readonly cert: string;
  readonly key: string;
}

const DAY_MS = 86_400_000;
const ECDSA_WITH_SHA256 = sequence(objectId('1.2.840.10045.4.3.2'));
const COMMON_NAME = '2.5.4.3';
const SUBJECT_ALT_NAME = '2.5.29.17';
const BASIC_CONSTRAINTS = '2.5.29.19';

interface KeyPair {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

/** An authority of its own, which nobody trusts who is not told its `certificate`. */
export class TestAuthority {
  /** PEM: what goes into a CA file. */
  readonly certificate: string;
  private readonly keys: KeyPair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  private readonly name = `Pondhawk test authority ${randomBytes(4).toString('hex')}`;

  constructor() {
    const isAuthority = sequence(objectId(BASIC_CONSTRAINTS), TRUE, octets(sequence(TRUE)));
    this.certificate = this.issue(this.name, this.keys.publicKey, isAuthority);
  }

  /** A certificate for a server at these host names and addresses (IPv4). */
  serverCertificate(hosts: readonly string[]): ServerCertificate {
    const keys: KeyPair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const names = sequence(...hosts.map(generalName));
    const extension = sequence(objectId(SUBJECT_ALT_NAME), octets(names));
    return {
      cert: this.issue(hosts[0] ?? '', keys.publicKey, extension),
      key: keys.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    };
  }

  private issue(subject: string, publicKey: KeyObject, extension: Buffer): string {
    const now = Date.now();
    const body = sequence(
      tlv(0xa0, integer(Buffer.from([2]))), // Version 3.
      integer(Buffer.concat([Buffer.from([1]), randomBytes(8)])),
      ECDSA_WITH_SHA256,
      nameOf(this.name),
      sequence(time(new Date(now - DAY_MS)), time(new Date(now + DAY_MS))),
      nameOf(subject),
      publicKey.export({ type: 'spki', format: 'der' }),
      tlv(0xa3, sequence(extension)),
    );
    const signature = sign('sha256', body, this.keys.privateKey);
    return toPem(sequence(body, ECDSA_WITH_SHA256, bits(signature)));
  }
}

function nameOf(commonName: string): Buffer {
  return sequence(set(sequence(objectId(COMMON_NAME), text(commonName))));
}

function generalName(host: string): Buffer {
  return isIP(host) === 4
    ? tlv(0x87, Buffer.from(host.split('.').map(Number)))
    : tlv(0x82, Buffer.from(host));
}

function toPem(der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n');
}
