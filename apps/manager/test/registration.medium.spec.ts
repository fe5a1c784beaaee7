import { eventually } from '@pondhawk/testing';
import { useTestManager } from './manager-harness.js';

const INTERVAL_MS = 300;
const PATIENCE = { timeoutMs: 10_000 };

describe('registration of schedulers', () => {
  const manager = useTestManager({ keepAliveIntervalMs: INTERVAL_MS });
  const isActive = async (name: string): Promise<boolean> =>
    (await manager.get().fleet.activeSchedulers()).includes(name);
  const stateOverRest = async (name: string): Promise<string> => {
    const { json } = await manager.get().request('GET', `/api/v1/schedulers?host_name=${name}`);
    return json[0].state as string;
  };

  it('keeps one id over registrations, and a scheduler without a keepalive is not active', async () => {
    const { fleet } = manager.get();
    expect(await fleet.registerScheduler('s-twice')).toBe(await fleet.registerScheduler('s-twice'));
    expect(await isActive('s-twice')).toBe(false);
  });

  it('makes one inactive that is silent for three intervals, and active again by one keepalive', async () => {
    const { fleet } = manager.get();
    await fleet.registerScheduler('s-silent');
    const stream = fleet.keepAlive('s-silent');
    await stream.beat();
    await eventually(() => isActive('s-silent'), PATIENCE);
    expect(await stateOverRest('s-silent')).toBe('active');
    // The stream stays open, as that of a scheduler that hangs.
    await eventually(async () => !(await isActive('s-silent')), PATIENCE);
    expect(await stateOverRest('s-silent')).toBe('inactive');
    await stream.beat();
    await eventually(() => isActive('s-silent'), PATIENCE);
    stream.end();
  });

  it.each(['older', 'newer'])('stays active when the %s of two streams ends', async (ending) => {
    const name = `s-${ending}`;
    const { fleet } = manager.get();
    await fleet.registerScheduler(name, 60_000);
    const older = fleet.keepAlive(name);
    const newer = fleet.keepAlive(name);
    await older.beat();
    await newer.beat();
    await eventually(() => isActive(name), PATIENCE);
    const [first, second] = ending === 'older' ? [older, newer] : [newer, older];
    first.end();
    await first.ended;
    expect(await isActive(name)).toBe(true);
    second.end();
    await second.ended;
    expect(await isActive(name)).toBe(true);
  });

  it('refuses a keepalive of a scheduler that is not registered', async () => {
    const stream = manager.get().fleet.keepAlive('s-unknown');
    await stream.beat();
    await expect(stream.ended).rejects.toMatchObject({ code: 'INSTANCE_NOT_REGISTERED' });
  });

  const hostile: [string, object][] = [
    ['a host name with a path', { hostname: '../../etc/passwd' }],
    ['a host name with a slash', { hostname: 'a/b' }],
    ['a host name with a NUL', { hostname: 'a\0b' }],
    ['a host name of 10,000 characters', { hostname: 'x'.repeat(10_000) }],
    ['no host name', { hostname: '' }],
    ['an address that is none', { ip: '127.0.0.1; drop table hosts' }],
    ['port 0', { port: 0 }],
    ['a port beyond all ports', { port: 70_000 }],
    ['a place of 10,000 characters', { idc: 'x'.repeat(10_000) }],
  ];
  it.each(hostile)('refuses %s and writes nothing', async (_name, facts) => {
    const { fleet, countRows } = manager.get();
    const before = countRows();
    const refused = { code: 'INVALID_FIELD', kind: 'invalid-argument' };
    await expect(fleet.register(facts)).rejects.toMatchObject(refused);
    await expect(fleet.registerSeedPeer(facts)).rejects.toMatchObject(refused);
    expect(countRows()).toEqual(before);
  });

  it.each([0n, 99n, 2n ** 63n])('refuses cluster %s and writes nothing', async (id) => {
    const { fleet, countRows } = manager.get();
    const before = countRows();
    const cluster = { schedulerClusterId: id, seedPeerClusterId: id };
    await expect(fleet.register(cluster)).rejects.toThrow();
    await expect(fleet.registerSeedPeer(cluster)).rejects.toThrow();
    expect(countRows()).toEqual(before);
  });

  it('hands out one epoch of the broker', async () => {
    const { fleet } = manager.get();
    const epoch = await fleet.brokerEpoch();
    expect(epoch).toMatch(/^[0-9a-f]{32}$/);
    expect(await fleet.brokerEpoch()).toBe(epoch);
  });
});
