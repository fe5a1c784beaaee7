/** Limits of a swarm; those of parents are settings of a cluster. */
export interface SwarmLimits {
  /** Most candidate parents in one answer. */
  readonly candidateParentLimit: number;
  /** Most peers of a task that are looked at for one answer. */
  readonly filterParentLimit: number;
  /** A peer that waits for its first parent so long goes back to source. */
  readonly waitMsMax: number;
  /** A peer that has had so many answers goes back to source at the next. */
  readonly retryBackToSourceLimit: number;
  /** Most peers of one task that fetch from the origin at once. */
  readonly backToSourceCountMax: number;
  /** Most holders of a task that are remembered; beyond, only those that serve somebody. */
  readonly holdersMax: number;
  /** Whether our own hosts may download from daemons that do not know the purge log. (R2) */
  readonly allowsForeignParents: boolean;
}

/** The defaults of this family of daemons. */
export const DEFAULT_SWARM_LIMITS: SwarmLimits = {
  candidateParentLimit: 4,
  filterParentLimit: 15,
  waitMsMax: 5_000,
  retryBackToSourceLimit: 4,
  backToSourceCountMax: 200,
  holdersMax: 300,
  allowsForeignParents: false,
};
