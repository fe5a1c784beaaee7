import type { commonV2 } from '@pondhawk/contracts';
import type { HostId } from '@pondhawk/core';
import type { SwarmLoop } from '../announcing/swarm-loop.js';
import type { Enrolment } from './enrolment.js';
import type { ForeignPurges } from './foreign-purges.js';

/**
 * Enrols daemons that only announce themselves: connected with the first announcement, lost when
 * they say so or fall silent. Each announcement enrols again under the same number, because another
 * scheduler that heard them too may have lost them meanwhile.
 */
export class AnnouncedHosts {
  private readonly connections = new Map<string, number>(); // By host id.

  constructor(
    private readonly enrolment: Enrolment,
    private readonly purges: Pick<ForeignPurges, 'heard' | 'lost'>,
    loop: Pick<SwarmLoop, 'onHostLost'>,
  ) {
    loop.onHostLost((hostId) => this.close(hostId, false));
  }

  open(host: commonV2.Host): void {
    const connection = this.connections.get(host.id) ?? this.enrolment.nextConnection();
    this.connections.set(host.id, connection);
    // Whoever waits for it: nobody. A newer announcement takes its place.
    this.enrolment.open(host, connection).catch(() => undefined);
    this.purges.heard(host);
  }

  leave(hostId: HostId): void {
    this.close(hostId, true);
  }

  private close(hostId: HostId, hasLeft: boolean): void {
    const connection = this.connections.get(hostId);
    if (connection === undefined) return;
    this.connections.delete(hostId);
    this.enrolment.close(hostId, connection, hasLeft);
    this.purges.lost(hostId);
  }
}
