import type { commonV2 } from '@pondhawk/contracts';
import type { HostId } from '@pondhawk/core';
import type { SwarmLoop } from '../announcing/swarm-loop.js';
import type { Enrolment } from './enrolment.js';
import type { ForeignPurges } from './foreign-purges.js';

interface Announced {
  readonly host: commonV2.Host;
  readonly connection: number;
}

/**
 * Enrols daemons that only announce themselves: connected with the first announcement, lost when
 * they say so or fall silent. Each announcement enrols again under the same number, because another
 * scheduler that heard them too may have lost them meanwhile.
 */
export class AnnouncedHosts {
  private readonly connections = new Map<string, Announced>(); // By host id.

  constructor(
    private readonly enrolment: Enrolment,
    private readonly purges: Pick<ForeignPurges, 'heard' | 'lost'>,
    loop: Pick<SwarmLoop, 'onHostLost'>,
  ) {
    loop.onHostLost((hostId) => this.close(hostId, false));
    enrolment.tellOpen(() => [...this.connections.values()].map(({ connection }) => connection));
  }

  open(host: commonV2.Host): void {
    const known = this.connections.get(host.id);
    const connection = known?.connection ?? this.enrolment.nextConnection();
    this.connections.set(host.id, { host, connection });
    // Whoever waits for it: nobody. A newer announcement takes its place.
    this.enrolment.open(host, connection).catch(() => undefined);
    this.purges.heard(host);
  }

  /** Has the rows of all that are there written anew. @returns how many those are. */
  async tellAll(): Promise<number> {
    const there = [...this.connections.values()];
    // One that is not written is gone meanwhile, or another announcement of it is written instead.
    await Promise.allSettled(
      there.map(({ host, connection }) => this.enrolment.open(host, connection)),
    );
    return there.length;
  }

  leave(hostId: HostId): void {
    this.close(hostId, true);
  }

  private close(hostId: HostId, hasLeft: boolean): void {
    const known = this.connections.get(hostId);
    if (known === undefined) return;
    this.connections.delete(hostId);
    this.enrolment.close(hostId, known.connection, hasLeft);
    this.purges.lost(hostId);
  }
}
