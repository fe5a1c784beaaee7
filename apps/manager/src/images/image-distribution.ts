/** Which hosts hold which blobs of an image, as Dragonfly's manager answers it. Pure. */

import type { ListedTask, TargetRecord } from '../ledger/index.js';
import type { ImageBlob } from './image-resolver.js';

/** A blob with the name of its task. */
export interface BlobTask extends ImageBlob {
  readonly taskId: string;
}

/** What is known of the hosts. */
export interface FoundTasks {
  /** Complete copies, by cluster and host; of other tasks too. */
  readonly entries: readonly ListedTask[];
  /** Hosts that gave no answer. */
  readonly silent: readonly TargetRecord[];
}

/** A host with the blobs it holds. */
interface HoldingHost {
  readonly ip: string;
  readonly hostname: string;
  readonly cached_layers: { readonly url: string }[];
  readonly scheduler_cluster_id: number;
}

/** The answer; keys as on the wire. */
export interface ImageDistributionView {
  readonly image: {
    readonly layers: readonly {
      readonly url: string;
      readonly kind: ImageBlob['kind'];
      readonly digest: string;
      readonly size: number;
    }[];
  };
  /** Hosts of type `normal` that hold at least one blob; as Dragonfly, which leaves seeds out. */
  readonly peers: readonly HoldingHost[];
  readonly seed_peers: readonly HoldingHost[];
  readonly failure_peers: readonly {
    readonly ip: string;
    readonly hostname: string;
    readonly scheduler_cluster_id: number;
    readonly code: string;
    readonly description: string;
  }[];
}

/** Puts together what hosts hold, blobs in the order of the image. */
export function imageDistribution(
  blobs: readonly BlobTask[],
  { entries, silent }: FoundTasks,
): ImageDistributionView {
  const byHost = new Map<string, { target: TargetRecord; taskIds: Set<string> }>();
  for (const { target, task } of entries) {
    const key = `${target.clusterId}/${target.node}`;
    const host = byHost.get(key) ?? { target, taskIds: new Set() };
    byHost.set(key, host);
    host.taskIds.add(task.id);
  }
  const holding = [...byHost.values()]
    .map(({ target, taskIds }) => ({
      type: target.host.type,
      view: {
        ip: target.host.ip,
        hostname: target.host.host_name,
        cached_layers: blobs
          .filter(({ taskId }) => taskIds.has(taskId))
          .map(({ url }) => ({ url })),
        scheduler_cluster_id: target.clusterId,
      },
    }))
    .filter(({ view }) => view.cached_layers.length > 0);
  return {
    image: {
      layers: blobs.map(({ url, kind, digest, sizeBytes }) => {
        return { url, kind, digest, size: sizeBytes };
      }),
    },
    peers: holding.filter(({ type }) => type === 'normal').map(({ view }) => view),
    seed_peers: holding.filter(({ type }) => type === 'super').map(({ view }) => view),
    failure_peers: silent.map(({ host, clusterId, code, message }) => ({
      ip: host.ip,
      hostname: host.host_name,
      scheduler_cluster_id: clusterId,
      code,
      description: message,
    })),
  };
}
