import type { LookupAddress } from 'node:dns';
import { AddressGuard } from './address-guard.js';

function lookUp(guard: AddressGuard, hostname: string): Promise<LookupAddress[]> {
  return new Promise((resolve, reject) => {
    guard.lookup(hostname, { all: true }, (error, addresses) => {
      if (error !== null) reject(error);
      else resolve(addresses as LookupAddress[]);
    });
  });
}

describe('AddressGuard', () => {
  it.each([
    '127.0.0.1',
    '10.1.2.3',
    '172.16.0.1',
    '192.168.1.1',
    '169.254.169.254',
    '100.64.0.1',
    '100.100.100.200',
    '0.0.0.0',
    '224.0.0.1',
    '255.255.255.255',
    '::1',
    '::',
    'fe80::1',
    'fd00:ec2::254',
    '::ffff:127.0.0.1',
    '64:ff9b::7f00:1',
    '2002:7f00:1::',
  ])('refuses %s', (address) => {
    expect(new AddressGuard([]).isAllowed(address)).toBe(false);
  });

  it.each(['93.184.216.34', '2606:2800:220:1::1'])('allows %s', (address) => {
    expect(new AddressGuard([]).isAllowed(address)).toBe(true);
  });

  it('allows what the list names: ranges, addresses, host names', async () => {
    const resolve = (_: string, done: (e: null, a: LookupAddress[]) => void): void =>
      done(null, [{ address: '10.0.0.7', family: 4 }]);
    const guard = new AddressGuard(['127.0.0.0/8', '10.0.0.1', 'Mirror.local'], resolve);
    expect(guard.isAllowed('127.9.9.9')).toBe(true);
    expect(guard.isAllowed('10.0.0.1')).toBe(true);
    expect(guard.isAllowed('10.0.0.2')).toBe(false);
    expect(await lookUp(guard, 'mirror.local')).toHaveLength(1);
    await expect(lookUp(guard, 'other.local')).rejects.toThrow(/origin\.allow/);
  });

  it('judges the addresses a name resolves to and keeps only the allowed ones', async () => {
    const guard = new AddressGuard([], (_, done) =>
      done(null, [
        { address: '127.0.0.1', family: 4 },
        { address: '93.184.216.34', family: 4 },
      ]),
    );
    expect(await lookUp(guard, 'rebinding.example')).toEqual([
      { address: '93.184.216.34', family: 4 },
    ]);
  });

  it('judges addresses in URLs, also in brackets', () => {
    const guard = new AddressGuard([]);
    expect(() => guard.checkHost('[::1]')).toThrow(/no public address/);
    expect(() => guard.checkHost('169.254.169.254')).toThrow(/no public address/);
    expect(() => guard.checkHost('example.com')).not.toThrow();
  });

  it('refuses an entry that is nothing of the kind', () => {
    expect(() => new AddressGuard(['10.0.0.0/99'])).toThrow(/origin\.allow/);
    expect(() => new AddressGuard(['a b'])).toThrow(/origin\.allow/);
  });
});
