import { LIST_TRUNCATED, type TargetReport } from '@pondhawk/contracts';
import type { Clock } from '@pondhawk/core';
import type { SwarmLoop } from '../announcing/swarm-loop.js';
import type { HostConnections } from '../fleet/host-connections.js';
import type { OrderHost } from './order-hosts.js';
import { askForList, type HostList } from './stream-questions.js';

/** Longest wait for the answer of one host: its list may be half a MiB. */
export const LIST_TIMEOUT_MS = 4_000;
/** Hosts come to a new home within five seconds; one that is on its way is waited for. */
export const STREAM_WAIT_MS = 6_000;

/** What the lister works with. */
export interface TaskListerParts {
  readonly loop: Pick<SwarmLoop, 'hosts' | 'swarm'>;
  readonly connections: Pick<HostConnections, 'find' | 'whenOpen'>;
  readonly clock: Clock;
  /** Monotonic ms until which a host may come that was not heard since the scheduler's start. */
  readonly unheardUntilMs: number;
}

/**
 * Asks hosts for what they hold, on their streams. Hosts without one cannot be asked, and are named
 * as failed with the reason; one of ours may be on its way here, and is waited for.
 */
export class TaskLister {
  constructor(private readonly parts: TaskListerParts) {}

  /**
   * @param endsAtMs monotonic; by then there is an answer.
   * @param taskIds of these tasks alone; absent: all.
   */
  async list(
    host: OrderHost,
    {
      endsAtMs,
      taskIds,
    }: { readonly endsAtMs: number; readonly taskIds?: readonly string[] | undefined },
  ): Promise<Partial<TargetReport>> {
    const { clock, connections } = this.parts;
    const leftMs = (): number => Math.max(1, endsAtMs - clock.monotonicMs());
    const waitMs = Math.ceil(Math.min(leftMs(), this.waitMs(host)));
    const connection =
      connections.find(host.id) ??
      (waitMs > 0 ? await connections.whenOpen(host.id, AbortSignal.timeout(waitMs)) : undefined);
    if (connection === undefined) return this.unconnected(host);
    const timeoutMs = Math.min(LIST_TIMEOUT_MS, leftMs());
    const named = taskIds === undefined ? {} : { taskIds };
    return describe(await askForList(connection, { timeoutMs, ...named }));
  }

  private waitMs({ id }: OrderHost): number {
    const { loop, clock, unheardUntilMs } = this.parts;
    const isOurs = loop.swarm.hosts.get(id)?.tellsCopies === true;
    const unheardMs = loop.hosts.has(id) ? 0 : unheardUntilMs - clock.monotonicMs();
    return Math.max(isOurs ? STREAM_WAIT_MS : 0, unheardMs);
  }

  private unconnected({ id }: OrderHost): Partial<TargetReport> {
    return this.parts.loop.hosts.has(id)
      ? {
          outcome: 'failed',
          code: 'INVENTORY_UNKNOWN',
          message: 'The host keeps no stream to this scheduler, so it cannot be asked.',
        }
      : {
          outcome: 'failed',
          code: 'HOST_UNREACHABLE',
          message:
            'The host has not been heard since this scheduler started, or has fallen silent.',
        };
  }
}

function describe(list: HostList): Partial<TargetReport> {
  if (list.outcome === 'failed') return list;
  const { tasks, totalCount } = list;
  return {
    outcome: 'answered',
    tasks,
    ...(totalCount > tasks.length && {
      code: LIST_TRUNCATED,
      message: `The host holds ${totalCount} copies; the first ${tasks.length} by task id are listed.`,
    }),
  };
}
