import type { SwarmPeer, SwarmTask } from './swarm-model.js';

/**
 * The holder to forget when a task has more of them than are remembered: the newest that serves
 * nobody. Undefined while there are not too many, or all of them serve.
 */
export function findSurplusHolder(task: SwarmTask, holdersMax: number): SwarmPeer | undefined {
  if (task.peers.size <= holdersMax) return undefined;
  const holders = [...task.peers.values()].filter(({ state }) => state === 'Succeeded');
  if (holders.length <= holdersMax) return undefined;
  return holders.reverse().find(({ children }) => children.size === 0);
}
