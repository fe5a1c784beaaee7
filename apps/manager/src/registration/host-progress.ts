/** Hosts that are remembered, of all clusters; those that were told of longest ago go first. */
export const PROGRESS_HOSTS_MAX = 100_000;

/** How far a host has come in its cluster's purge log. */
export interface Progress {
  readonly epoch: string;
  readonly applied: number;
  /** The start of the daemon that said so. */
  readonly incarnation: string;
  /** Unix ms, when its scheduler told this manager. */
  readonly toldAtMs: number;
}

/**
 * What schedulers have told this process of their hosts, for people to look at: no rule asks here. In
 * memory, because it changes with every purge on every host; a scheduler tells a new start all anew.
 */
export class HostProgress {
  private readonly hosts = new Map<string, Progress>(); // By cluster and host, told longest ago first.

  /** Takes one host's. */
  note(clusterId: number, hostId: string, progress: Progress): void {
    const key = `${clusterId}/${hostId}`;
    this.hosts.delete(key);
    this.hosts.set(key, progress);
    const [oldest] = this.hosts.keys();
    if (this.hosts.size > PROGRESS_HOSTS_MAX && oldest !== undefined) this.hosts.delete(oldest);
  }

  /** Undefined if nobody has told this process. */
  find(clusterId: number, hostId: string): Progress | undefined {
    return this.hosts.get(`${clusterId}/${hostId}`);
  }
}
