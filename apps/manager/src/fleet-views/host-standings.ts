import { timeView, type Json } from '../job-views/index.js';
import type { EnrolmentRecord, LeaseBook, LedgerReader, PeerRecord } from '../ledger/index.js';
import type { HostProgress } from '../registration/host-progress.js';

/** What hosts' standings are read from. */
export interface HostStandingsParts {
  readonly reader: LedgerReader;
  readonly leases: LeaseBook;
  readonly progress: HostProgress;
  readonly nowMs: () => number;
}

/** How hosts stand to purges: how far they are, until when they may have a lease, how they are enrolled. */
export class HostStandings {
  constructor(private readonly parts: HostStandingsParts) {}

  /** The fields of each host's view, in their order. */
  async of(peers: readonly PeerRecord[]): Promise<readonly Json[]> {
    const clusterIds = [...new Set(peers.map(({ clusterId }) => clusterId))];
    const logs = new Map<number, { readonly epoch: string; readonly head: number }>();
    const rows = new Map<string, EnrolmentRecord[]>();
    const marked = new Map<number, ReadonlySet<string>>();
    for (const clusterId of clusterIds) {
      const state = await this.parts.reader.findLogState(clusterId);
      if (state !== undefined) logs.set(clusterId, state);
      marked.set(clusterId, await this.parts.reader.listMarkedHostIds(clusterId));
      for (const row of await this.parts.reader.listEnrolments(clusterId)) {
        const key = `${clusterId}/${row.hostId}`;
        rows.set(key, [...(rows.get(key) ?? []), row]);
      }
    }
    return peers.map((peer) => ({
      ...this.progressOf(peer, logs.get(peer.clusterId)),
      ...this.leaseOf(peer, rows.get(`${peer.clusterId}/${peer.host.id}`) ?? []),
      may_serve_without_lease: marked.get(peer.clusterId)?.has(peer.host.id) === true,
    }));
  }

  private progressOf(
    { clusterId, host, takesLeases }: PeerRecord,
    log: { readonly epoch: string; readonly head: number } | undefined,
  ): Json {
    const told = takesLeases ? this.parts.progress.find(clusterId, host.id) : undefined;
    const isOfLog = told !== undefined && told.epoch === log?.epoch;
    return {
      applied: isOfLog ? told.applied : null,
      lag: isOfLog ? Math.max(0, log.head - told.applied) : null,
      applied_told_at: isOfLog ? timeView(told.toldAtMs) : null,
    };
  }

  private leaseOf(peer: PeerRecord, rows: readonly EnrolmentRecord[]): Json {
    const account = this.parts.leases.of(peer.clusterId);
    const leftMs = Math.max(0, ...rows.map((row) => account.leasedForMs(row)));
    const { enrolment } = peer;
    const enrolledAtMs = Math.max(0, ...rows.map(({ createdAtMs }) => createdAtMs));
    return {
      takes_leases: peer.takesLeases,
      // Unless its scheduler hears from it, or from the manager, again.
      lease_ends_at: leftMs > 0 ? timeView(this.parts.nowMs() + leftMs) : null,
      enrolment:
        enrolment === undefined
          ? null
          : {
              scheduler_id: enrolment.schedulerId,
              incarnation: enrolment.incarnation,
              connections: rows.filter(({ isLost }) => !isLost).length,
              enrolled_at: enrolledAtMs > 0 ? timeView(enrolledAtMs) : null,
              lost_at: enrolment.lostAtMs === undefined ? null : timeView(enrolment.lostAtMs),
              has_left: enrolment.hasLeft,
            },
    };
  }
}
