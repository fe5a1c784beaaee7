import { eventually } from '@pondhawk/testing';
import { Stage } from './stage.js';

const MIB = 1024 * 1024;
const INTERVAL_MS = 500;
/** Three missed keepalives, and a busy machine's time to look. */
const INACTIVE_MS_MAX = 3 * INTERVAL_MS + 1_500;

describe('A cluster that loses a scheduler', () => {
  let stage: Stage;

  beforeAll(async () => {
    stage = await Stage.open({
      schedulers: 2,
      seeds: 0,
      peers: 2,
      overrides: { scheduler: { keepAlive: { intervalMs: INTERVAL_MS } } },
    });
  }, 60_000);
  afterAll(async () => stage.close(), 30_000);

  it('knows one that hangs as inactive, and as active once it goes on', async () => {
    const hung = stage.cluster.getProcess('scheduler-2');
    await expectStates('active', 'active');
    hung.kill('SIGSTOP');
    try {
      await expectStates('active', 'inactive');
    } finally {
      hung.kill('SIGCONT');
    }
    await expectStates('active', 'active');
  }, 30_000);

  it.each(['scheduler-1', 'scheduler-2'])(
    'ends every download right although %s is killed, and knows it again after its restart',
    async (name) => {
      const contents = [1, 2, 3].map(() => stage.serveHeld(16 * MIB));
      const downloads = Promise.all(
        contents.flatMap(({ url }) => ['peer-1', 'peer-2'].map((peer) => stage.get(peer, url))),
      );
      downloads.catch(() => undefined); // Shown by the wait below.
      await eventually(() => contents.every(({ url }) => isUnderWay(url)), { timeoutMs: 20_000 });
      await stage.kill(name);
      for (const content of contents) content.release();
      expect(await downloads).toEqual(contents.flatMap(({ sha256 }) => [sha256, sha256]));
      await expectStates(
        ...(name === 'scheduler-1'
          ? (['inactive', 'active'] as const)
          : (['active', 'inactive'] as const)),
      );
      await stage.cluster.restart(name);
      await expectStates('active', 'active');
    },
    60_000,
  );

  function isUnderWay(url: string): boolean {
    return stage.hosts.some((host) => stage.storedBytesOf(host, url) > 0);
  }

  async function expectStates(...states: readonly ('active' | 'inactive')[]): Promise<void> {
    await eventually(
      async () => {
        const schedulers = (await stage.rest('/api/v1/schedulers')).body as {
          host_name: string;
          state: string;
        }[];
        const told = Object.fromEntries(schedulers.map((one) => [one.host_name, one.state]));
        expect([told['scheduler-1'], told['scheduler-2']]).toEqual(states);
      },
      { timeoutMs: INACTIVE_MS_MAX },
    );
  }
});
