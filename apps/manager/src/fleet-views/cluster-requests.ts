/** Bodies that create and change clusters. */

import type { ClusterFacts, ClusterRecord, ClusterSettings } from '../ledger/index.js';
import { FieldReader, ID_BOUNDS, invalidField } from '../rest-edge/field-reader.js';
import { PEER_LOAD_LIMIT, SEED_PEER_LOAD_LIMIT, SettingsReader } from './cluster-settings.js';

/** Characters of a cluster's name, from 1. */
export const CLUSTER_NAME_LENGTH_MAX = 255;
/** Characters of a cluster's description. */
export const CLUSTER_BIO_LENGTH_MAX = 4_096;

/** What a body says of a cluster, and the names of fields that mean nothing there. */
export interface ClusterRequest {
  readonly name: string | undefined;
  readonly facts: Partial<ClusterFacts>;
  readonly seedPeerClusterId: number | undefined;
  readonly strippedFields: readonly string[];
}

/** What a body says of a seed peer cluster. */
export interface SeedPeerClusterRequest {
  readonly name: string | undefined;
  readonly bio: string | undefined;
  readonly config: ClusterSettings | undefined;
  readonly strippedFields: readonly string[];
}

/** What the settings of a cluster are called in a body: two routes, two sets of names. */
export interface SettingNames {
  readonly config: string;
  readonly clientConfig: string;
  readonly seedClientConfig: string;
}

/** Of `/clusters`. */
export const CLUSTER_NAMES: SettingNames = {
  config: 'scheduler_cluster_config',
  clientConfig: 'peer_cluster_config',
  seedClientConfig: 'seed_peer_cluster_config',
};
/** Of `/scheduler-clusters`. */
export const SCHEDULER_CLUSTER_NAMES: SettingNames = {
  config: 'config',
  clientConfig: 'client_config',
  seedClientConfig: 'seed_client_config',
};

/**
 * @param present the cluster to change; undefined: a new one.
 * @throws InvalidArgumentError (`INVALID_FIELD`) naming the field.
 */
export function parseCluster(
  raw: unknown,
  names: SettingNames,
  present?: ClusterRecord,
): ClusterRequest {
  const body = new FieldReader(raw, 'body');
  const settings = new SettingsReader(body);
  const name = readName(body, present === undefined);
  const facts = {
    bio: body.text('bio', { lengthMax: CLUSTER_BIO_LENGTH_MAX }),
    isDefault: body.flag('is_default'),
    config: settings.ofSchedulers(names.config, present?.config ?? {}),
    clientConfig: settings.load(names.clientConfig, PEER_LOAD_LIMIT, present?.clientConfig ?? {}),
    seedClientConfig: settings.load(
      names.seedClientConfig,
      SEED_PEER_LOAD_LIMIT,
      present?.seedClientConfig ?? {},
    ),
    scopes: settings.scopes('scopes'),
  };
  if (present === undefined) {
    for (const key of ['config', 'clientConfig', 'seedClientConfig'] as const) {
      if (facts[key] === undefined) throw invalidField(names[key], 'must be given');
    }
  }
  const seedPeerClusterId =
    names === SCHEDULER_CLUSTER_NAMES
      ? body.wholeNumber('seed_peer_cluster_id', ID_BOUNDS)
      : undefined;
  return {
    name,
    facts: withoutAbsent(facts),
    seedPeerClusterId,
    strippedFields: settings.unknownFields(),
  };
}

/** A new cluster's facts, with what stands when nothing is said. */
export function completeFacts(facts: Partial<ClusterFacts>): ClusterFacts {
  return {
    bio: '',
    isDefault: false,
    config: {},
    clientConfig: {},
    seedClientConfig: {},
    scopes: { idc: '', location: '', cidrs: [], hostnames: [] },
    ...facts,
  };
}

/** @throws InvalidArgumentError (`INVALID_FIELD`) naming the field. */
export function parseSeedPeerCluster(
  raw: unknown,
  present?: ClusterSettings,
): SeedPeerClusterRequest {
  const body = new FieldReader(raw, 'body');
  const settings = new SettingsReader(body);
  const name = readName(body, present === undefined);
  const config = settings.load('config', SEED_PEER_LOAD_LIMIT, present ?? {});
  if (present === undefined && config === undefined) throw invalidField('config', 'must be given');
  const bio = body.text('bio', { lengthMax: CLUSTER_BIO_LENGTH_MAX });
  return { name, bio, config, strippedFields: settings.unknownFields() };
}

function readName(body: FieldReader, isRequired: boolean): string | undefined {
  const name = body.text('name', { lengthMax: CLUSTER_NAME_LENGTH_MAX });
  if (name === '' || (name === undefined && isRequired)) {
    throw invalidField('name', `must have 1 to ${CLUSTER_NAME_LENGTH_MAX} characters`);
  }
  return name;
}

type Given<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

/** Only what was given. */
export function withoutAbsent<T extends object>(facts: T): Given<T> {
  return Object.fromEntries(
    Object.entries(facts).filter(([, value]) => value !== undefined),
  ) as Given<T>;
}
