import type { CountedRow, LeaseAccount } from '@pondhawk/purge';

/** A host that is connected is given so long to answer before it may be fenced. */
export const FENCE_PATIENCE_MS = 1_000;
/** Purges that one look names: they share a commit, and leave time between looks for what else is to be done. */
export const FENCEABLE_MAX = 32;

/** A purge in one cluster, as it was accepted. */
export interface WatchedPurge {
  readonly jobId: number;
  readonly clusterId: number;
  readonly seq: number;
  /** By node: the rows that made it a target. */
  readonly pending: ReadonlyMap<string, readonly CountedRow[]>;
}

/** Nodes that need no answer any more. */
export interface FenceableNodes {
  readonly jobId: number;
  readonly clusterId: number;
  /** Absent: all that have not ended. */
  readonly nodes?: readonly string[];
}

interface OpenPurge {
  readonly clusterId: number;
  readonly seq: number;
  readonly sinceMs: number;
  /** Undefined if another process accepted it: then only its clock is known. */
  readonly pending: Map<string, readonly CountedRow[]> | undefined;
  /** Everything that is known of it was written. */
  isAsked: boolean;
}

/**
 * Which hosts the purges of this process wait for, in memory, so that whom to fence is known without
 * reading the ledger. The ledger decides: what is said here is looked up there before it is written.
 */
export class PurgeWatch {
  private readonly open = new Map<number, Map<number, OpenPurge>>(); // By job, by cluster; no empty maps.

  constructor(
    private readonly accountOf: (clusterId: number) => LeaseAccount,
    private readonly monotonicMs: () => number,
  ) {}

  /** A purge was committed. */
  begin({ jobId, clusterId, seq, pending }: WatchedPurge): void {
    this.accountOf(clusterId).noteCommit(seq);
    this.add({ jobId, clusterId, seq }, new Map(pending));
  }

  /** A purge was found in the ledger; one that is known stays as it is. */
  adopt(purge: Omit<WatchedPurge, 'pending'>): void {
    if (this.find(purge) !== undefined) return;
    this.accountOf(purge.clusterId).noteCommit(purge.seq);
    this.add(purge, undefined);
  }

  /** Nodes have ended, or are waited for although the purge did not name them. */
  note(
    jobId: number,
    clusterId: number,
    nodes: { readonly ended: readonly string[]; readonly pending: readonly string[] },
  ): void {
    const purge = this.find({ jobId, clusterId });
    if (purge === undefined) return;
    for (const node of nodes.ended) purge.pending?.delete(node);
    for (const node of nodes.pending) {
      if (purge.pending?.has(node) === false) purge.pending.set(node, []); // No row: no lease.
    }
    purge.isAsked = false;
  }

  /** What was found was written. What is found again after news of the purge is written again. */
  noteWritten(written: FenceableNodes): void {
    const purge = this.find(written);
    if (purge === undefined) return;
    purge.isAsked = true;
    // Fenced, or nobody that the ledger waits for.
    for (const node of written.nodes ?? []) purge.pending?.delete(node);
  }

  /** How long until whoever has not answered a job's purges is fenced at the latest, in ms; undefined if it waits for nobody. */
  fencesHoldInMs(jobId: number): number | undefined {
    const left = [...(this.open.get(jobId)?.values() ?? [])]
      .filter(({ pending }) => pending?.size !== 0)
      .map((purge) => this.accountOf(purge.clusterId).boundLeftMs({ entry: purge }));
    return left.length === 0 ? undefined : Math.max(0, ...left);
  }

  /** A job has ended. */
  end(jobId: number): void {
    for (const { clusterId, seq } of this.open.get(jobId)?.values() ?? []) {
      this.accountOf(clusterId).forgetCommit(seq);
    }
    this.open.delete(jobId);
  }

  /**
   * Whom the rules fence by now, of the oldest `FENCEABLE_MAX` purges that have somebody; nobody whom
   * the purge named within `FENCE_PATIENCE_MS` of the commit.
   */
  findFenceable(): FenceableNodes[] {
    const found: FenceableNodes[] = [];
    for (const [jobId, ofJob] of this.open) {
      for (const purge of ofJob.values()) {
        const fenceable = this.findIn(jobId, purge);
        if (fenceable !== undefined) found.push(fenceable);
      }
      if (found.length >= FENCEABLE_MAX) break;
    }
    return found;
  }

  private findIn(jobId: number, purge: OpenPurge): FenceableNodes | undefined {
    const { clusterId, pending, isAsked } = purge;
    const account = this.accountOf(clusterId);
    if (account.isBoundOver({ entry: purge })) return isAsked ? undefined : { jobId, clusterId };
    if (pending === undefined) return undefined;
    if (pending.size === 0) {
      const isOver = !isAsked && account.mayEnd({ entry: purge });
      return isOver ? { jobId, clusterId, nodes: [] } : undefined;
    }
    const nodes = this.fenceableNodes(pending, purge, account);
    return nodes.length > 0 ? { jobId, clusterId, nodes } : undefined;
  }

  private find({
    jobId,
    clusterId,
  }: Pick<WatchedPurge, 'jobId' | 'clusterId'>): OpenPurge | undefined {
    return this.open.get(jobId)?.get(clusterId);
  }

  private add(
    { jobId, clusterId, seq }: Omit<WatchedPurge, 'pending'>,
    pending: OpenPurge['pending'],
  ): void {
    const sinceMs = this.monotonicMs();
    const ofJob = this.open.get(jobId) ?? new Map<number, OpenPurge>();
    ofJob.set(clusterId, { clusterId, seq, sinceMs, pending, isAsked: false });
    this.open.set(jobId, ofJob);
  }

  private fenceableNodes(
    pending: NonNullable<OpenPurge['pending']>,
    purge: OpenPurge,
    account: LeaseAccount,
  ): string[] {
    const nodes: string[] = [];
    const isPatient = this.monotonicMs() - purge.sinceMs < FENCE_PATIENCE_MS;
    for (const [node, rows] of pending) {
      if (isPatient && rows.length > 0) continue;
      const now = rows.map((row) => ({
        ...row,
        isLost: row.isLost || account.hasLost(row.connection),
      }));
      const connections = rows.map(({ connection }) => connection);
      if (account.isFenced({ entry: purge }, { connections }, now)) nodes.push(node);
    }
    return nodes;
  }
}
