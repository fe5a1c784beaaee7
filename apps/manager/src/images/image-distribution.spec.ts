import type { HeldTask, HostRecord, TargetRecord } from '../ledger/index.js';
import { type BlobTask, imageDistribution } from './image-distribution.js';

const blob = (id: string, kind: BlobTask['kind'] = 'layer'): BlobTask => ({
  kind,
  url: `https://registry/v2/app/blobs/${id}`,
  mediaType: 'x/y',
  digest: id,
  sizeBytes: 1,
  taskId: id,
});
const target = (name: string, { clusterId = 1, type = 'normal', code = '' } = {}): TargetRecord =>
  ({
    node: `host:${name}`,
    clusterId,
    host: { host_name: name, ip: `ip of ${name}`, type } as HostRecord,
    code,
    message: code && 'why',
  }) as TargetRecord;
const holds = (host: TargetRecord, ...ids: string[]): { target: TargetRecord; task: HeldTask }[] =>
  ids.map((id) => ({ target: host, task: { id } as HeldTask }));
const url = (id: string): { url: string } => ({ url: `https://registry/v2/app/blobs/${id}` });

describe('imageDistribution', () => {
  it('tells of each host which blobs it holds, in the order of the image', () => {
    const entries = [...holds(target('a'), 'two', 'one'), ...holds(target('b'), 'one', 'other')];
    const view = imageDistribution([blob('config', 'config'), blob('one'), blob('two')], {
      entries,
      silent: [],
    });
    expect(view.image.layers.map(({ kind, digest }) => [kind, digest])).toEqual([
      ['config', 'config'],
      ['layer', 'one'],
      ['layer', 'two'],
    ]);
    expect(view.peers).toEqual([
      {
        ip: 'ip of a',
        hostname: 'a',
        cached_layers: [url('one'), url('two')],
        scheduler_cluster_id: 1,
      },
      { ip: 'ip of b', hostname: 'b', cached_layers: [url('one')], scheduler_cluster_id: 1 },
    ]);
  });

  it('leaves out who holds nothing of it, keeps seeds apart, and names who said nothing', () => {
    const view = imageDistribution([blob('one')], {
      entries: [...holds(target('a'), 'other'), ...holds(target('s', { type: 'super' }), 'one')],
      silent: [target('c', { clusterId: 2, code: 'HOST_UNREACHABLE' })],
    });
    expect(view.peers).toEqual([]);
    expect(view.seed_peers.map(({ hostname }) => hostname)).toEqual(['s']);
    expect(view.failure_peers).toEqual([
      {
        ip: 'ip of c',
        hostname: 'c',
        scheduler_cluster_id: 2,
        code: 'HOST_UNREACHABLE',
        description: 'why',
      },
    ]);
  });

  it('takes hosts of the same name in two clusters for two', () => {
    const entries = [1, 2].flatMap((clusterId) => holds(target('a', { clusterId }), 'one'));
    const { peers } = imageDistribution([blob('one')], { entries, silent: [] });
    expect(peers.map((peer) => peer.scheduler_cluster_id)).toEqual([1, 2]);
  });
});
