import { DishonestParent } from './chaos/dishonest-parent.js';
import { FakeHosts } from './fake-hosts.js';
import { Stage, type Content } from './stage.js';

const MIB = 1024 * 1024;

describe('Purges seen from outside', () => {
  let stage: Stage;
  let content: Content;
  let liar: DishonestParent;
  let hosts: FakeHosts | undefined;

  beforeAll(async () => {
    stage = await Stage.open({ schedulers: 2, seeds: 1, peers: 2 });
    content = stage.serve(6 * MIB);
    liar = await DishonestParent.start();
  }, 60_000);
  afterAll(async () => {
    await hosts?.stop();
    await liar.stop();
    await stage.close();
  }, 30_000);

  const fill = () => Promise.all(['peer-1', 'peer-2'].map((peer) => stage.get(peer, content.url)));

  it('verifies a delete on a cluster whose hosts keep their word, by asking all of them', async () => {
    await fill();
    const args = { url: content.url, verify: true };
    const { state, result } = await stage.runJob({ type: 'delete_task', args });
    expect([state, result.outcome, result.finality]).toEqual(['SUCCESS', 'complete', 'guaranteed']);
    expect(result.verification).toEqual({
      ...{ asked: 3, passed: 3, newer_copies: 0, failed: 0, unreachable: 0 },
    });
    expect(result.counts['deleted']).toBe(3);
  }, 60_000);

  it('audits it: what was fetched anew since is no fault', async () => {
    await stage.get('peer-1', content.url);
    const { code, stdout } = await stage.pondhawk('audit', '--json');
    expect(code).toBe(0);
    const { hosts, sampled_tasks } = JSON.parse(stdout) as Audit;
    expect(sampled_tasks).toBe(1);
    expect(hosts.map(({ host_name, state }) => [host_name, state])).toEqual([
      ['peer-1', 'clean'],
      ['peer-2', 'clean'],
      ['seed-1', 'clean'],
    ]);
    expect(hosts.find(({ host_name }) => host_name === 'peer-1')).toMatchObject({
      ...{ asked: 1, clean: 0, newer_copies: 1 },
    });
  }, 60_000);

  it('fails a delete, and names the host, when one says that it has deleted and serves on', async () => {
    await fill();
    const question = await stage.runJob({ type: 'get_task', args: { url: content.url } });
    const taskId = question.args.task_id;
    await liar.take([{ path: 'x', index: 0, pieces: 1, url: content.url, taskId }]);
    const schedulers = ['scheduler-1', 'scheduler-2'].map(
      (name) => stage.cluster.record(name).addresses['grpc'] ?? '',
    );
    hosts = await FakeHosts.start({ count: 1, schedulers, downloadPort: liar.port });
    const told = await stage.pondhawk('task', 'clear', taskId, '--verify', '--wait');
    expect(told.code).toBe(3);
    expect(told.stdout).toContain('4 asked from outside: 3 passed, 1 still serve');
    const line = told.stdout.split('\n').find((text) => text.startsWith('fake-1')) ?? '';
    expect(line).toContain('STILL_SERVES: 65536 of the 131072 bytes of piece 0 came');
    for (const name of ['peer-1', 'peer-2', 'seed-1']) {
      expect(told.stdout).toMatch(new RegExp(`${name} .*deleted`));
    }
  }, 60_000);

  it('audits, and names the host that serves what was purged', async () => {
    const told = await stage.pondhawk('audit');
    expect(told.code).toBe(1);
    expect(told.stdout).toMatch(
      /^fake-1 SERVES task [0-9a-f]{64}, purged \S+ ago \(number 2, job /m,
    );
    expect(told.stdout).toMatch(/4 hosts asked for 1 of 1 purged tasks: 3 clean, 1 serves/);
  }, 60_000);
});

interface Audit {
  readonly sampled_tasks: number;
  readonly hosts: readonly { readonly host_name: string; readonly state: string }[];
}
