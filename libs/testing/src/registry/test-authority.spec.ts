import { X509Certificate } from 'node:crypto';
import { TestAuthority } from './test-authority.js';

describe('TestAuthority', () => {
  const authority = new TestAuthority();
  const root = new X509Certificate(authority.certificate);

  it('makes certificates that its own one vouches for, for just these hosts', () => {
    const { cert } = authority.serverCertificate(['registry.test', '127.0.0.1']);
    const server = new X509Certificate(cert);
    expect(server.checkIssued(root) && server.verify(root.publicKey)).toBe(true);
    expect(server.checkHost('registry.test')).toBe('registry.test');
    expect(server.checkIP('127.0.0.1')).toBe('127.0.0.1');
    expect(server.checkHost('other.test')).toBeUndefined();
    expect([root.ca, server.ca]).toEqual([true, false]);
  });

  it('vouches for nobody else', () => {
    const other = new TestAuthority().serverCertificate(['registry.test']);
    expect(new X509Certificate(other.cert).verify(root.publicKey)).toBe(false);
  });
});
