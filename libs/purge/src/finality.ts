/** Why a purge of a cluster cannot be promised to be final. */
export type FinalityReason =
  /** Daemons that know no leases; a purge is repeated there and cannot be fenced. */
  | 'FOREIGN_HOSTS'
  /** Our own hosts may download from such daemons, which cannot say where they stand in the log. */
  | 'FOREIGN_PARENTS'
  /** Its hosts may serve without a lease, or some may still that were once told so. */
  | 'SERVE_WITHOUT_LEASE';

/** What the end of a purge with SUCCESS promises. */
export type Finality = 'guaranteed' | 'best_effort';

/** What a cluster is like when a purge is accepted. */
export interface FinalityFacts {
  /** Daemons without leases that are or were there and did not leave. */
  readonly foreignHosts: number;
  /** Whether its own hosts may download from such daemons. */
  readonly allowsForeignParents: boolean;
  /** Whether its hosts may serve without a lease. */
  readonly isWaiverGiven: boolean;
  /** Daemons that were told so, and have not said since that they were told otherwise. */
  readonly waivedDaemons: number;
}

/** What stands against the promise; nothing: a purge that ends with SUCCESS is final. */
export function finalityReasons(facts: FinalityFacts): readonly FinalityReason[] {
  return [
    ...(facts.foreignHosts > 0 ? ['FOREIGN_HOSTS' as const] : []),
    ...(facts.allowsForeignParents ? ['FOREIGN_PARENTS' as const] : []),
    ...(facts.isWaiverGiven || facts.waivedDaemons > 0 ? ['SERVE_WITHOUT_LEASE' as const] : []),
  ];
}

/** The promise over all clusters of a purge. */
export function finalityOf(reasons: readonly FinalityReason[]): Finality {
  return reasons.length === 0 ? 'guaranteed' : 'best_effort';
}
