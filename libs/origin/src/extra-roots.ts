import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { rootCertificates } from 'node:tls';
import { ConfigError, errnoOf, toError } from '@pondhawk/core';

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/**
 * Certificates that servers are checked against: those of Node and those of a file.
 *
 * @param file PEM, one certificate or more; empty for Node's alone (then undefined).
 * @throws ConfigError (`ORIGIN_CA_UNUSABLE`) if it cannot be read or has no certificate.
 */
export function loadRoots(file: string): string[] | undefined {
  if (file === '') return undefined;
  const found = readPem(file).match(CERTIFICATE) ?? [];
  if (found.length === 0) throw unusable(file, 'it holds no certificate');
  for (const certificate of found) checkCertificate(file, certificate);
  return [...rootCertificates, ...found];
}

function readPem(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw unusable(file, `it cannot be read (${errnoOf(toError(error)) ?? 'unknown'})`);
  }
}

function checkCertificate(file: string, certificate: string): void {
  try {
    new X509Certificate(certificate);
  } catch {
    throw unusable(file, 'one of its certificates cannot be parsed');
  }
}

function unusable(file: string, why: string): ConfigError {
  return new ConfigError('ORIGIN_CA_UNUSABLE', `origin.caFile: ${file}: ${why}.`, {
    details: { key: 'origin.caFile' },
  });
}
