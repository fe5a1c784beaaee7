import { createHash } from 'node:crypto';
import { assert } from './assert.js';

/**
 * Chooses one node for a key by rendezvous hashing: the node with the highest first 8 bytes of
 * sha256(node id + LF + key), ties to the smaller id. Used both for the scheduler that owns a task
 * (key = task id) and for the home of a host (key = host id), so every daemon that sees the same
 * schedulers chooses the same one.
 *
 * @throws InvariantError if `nodes` is empty.
 */
export function chooseByRendezvous<N extends { readonly id: number }>(
  nodes: readonly N[],
  key: string,
): N {
  if (nodes.length === 1 && nodes[0] !== undefined) return nodes[0];
  let best: { node: N; weight: bigint } | undefined;
  for (const node of nodes) {
    const weight = createHash('sha256').update(`${node.id}\n${key}`).digest().readBigUInt64BE(0);
    const wins =
      best === undefined ||
      weight > best.weight ||
      (weight === best.weight && node.id < best.node.id);
    if (wins) best = { node, weight };
  }
  assert(best !== undefined, 'Rendezvous hashing needs at least one node.');
  return best.node;
}
