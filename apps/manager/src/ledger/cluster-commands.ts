/** The commands about clusters. */

/** Settings as Dragonfly's clients write them, checked by whoever sends the command. */
export type ClusterSettings = Readonly<Record<string, unknown>>;

/** What a scheduler cluster is, apart from its id and name. */
export interface ClusterFacts {
  readonly bio: string;
  readonly isDefault: boolean;
  readonly config: ClusterSettings;
  readonly clientConfig: ClusterSettings;
  readonly seedClientConfig: ClusterSettings;
  readonly scopes: ClusterSettings;
}

/** A scheduler cluster to create. */
export interface CreateCluster extends ClusterFacts {
  readonly atMs: number;
  readonly name: string;
  /** Whose seed peers it uses: those of a new one with the same name and settings, of this one, or (0) none. */
  readonly seedPeerClusterId: number | 'new';
}

/** What is to change of a scheduler cluster; what is absent stays. */
export interface UpdateCluster {
  readonly atMs: number;
  readonly clusterId: number;
  readonly changes: Partial<ClusterFacts> & {
    readonly name?: string;
    readonly seedPeerClusterId?: number;
  };
}

/** A cluster to remove. */
export interface DeleteCluster {
  readonly atMs: number;
  readonly clusterId: number;
}

/** A seed peer cluster to create. */
export interface CreateSeedPeerCluster {
  readonly atMs: number;
  readonly name: string;
  readonly bio: string;
  readonly config: ClusterSettings;
}

/** What is to change of a seed peer cluster; what is absent stays. */
export interface UpdateSeedPeerCluster {
  readonly atMs: number;
  readonly clusterId: number;
  readonly changes: {
    readonly name?: string;
    readonly bio?: string;
    readonly config?: ClusterSettings;
  };
}

/** Each command about clusters by name. */
export interface ClusterCommands {
  /**
   * The cluster and its purge log. A default one takes that from every other.
   *
   * @throws ConflictError (`CLUSTER_EXISTS`) for a name that is taken.
   * @throws NotFoundError (`CLUSTER_NOT_FOUND`) for an unknown seed peer cluster.
   */
  readonly 'create-cluster': { readonly input: CreateCluster; readonly result: { id: number } };
  /** @throws as `create-cluster`. */
  readonly 'update-cluster': { readonly input: UpdateCluster; readonly result: undefined };
  /**
   * Removes the cluster, and its seed peer cluster if `withSeedPeerCluster` is set and no other one uses it.
   * The head of its purge log stays: numbers that were given are never given again.
   *
   * @throws NotFoundError (`CLUSTER_NOT_FOUND`).
   * @throws ConflictError (`CLUSTER_IN_USE`) while it has schedulers, hosts or unfinished jobs.
   */
  readonly 'delete-cluster': {
    readonly input: DeleteCluster & { readonly withSeedPeerCluster: boolean };
    readonly result: undefined;
  };
  /** @throws ConflictError (`CLUSTER_EXISTS`). */
  readonly 'create-seed-peer-cluster': {
    readonly input: CreateSeedPeerCluster;
    readonly result: { id: number };
  };
  /**
   * New settings reach every scheduler cluster that uses it.
   *
   * @throws NotFoundError (`CLUSTER_NOT_FOUND`).
   * @throws ConflictError (`CLUSTER_EXISTS`).
   */
  readonly 'update-seed-peer-cluster': {
    readonly input: UpdateSeedPeerCluster;
    readonly result: undefined;
  };
  /**
   * @throws NotFoundError (`CLUSTER_NOT_FOUND`).
   * @throws ConflictError (`CLUSTER_IN_USE`) while it has seed peers or a scheduler cluster uses it.
   */
  readonly 'delete-seed-peer-cluster': {
    readonly input: DeleteCluster;
    readonly result: undefined;
  };
}
