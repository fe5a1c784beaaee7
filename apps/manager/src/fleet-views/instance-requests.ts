/** Bodies that create and change schedulers, seed peers and hosts by hand. */

import { isIP } from 'node:net';
import type {
  HostRecord,
  UpdateScheduler,
  UpdateSeedPeer,
  UpsertScheduler,
  UpsertSeedPeer,
} from '../ledger/index.js';
import {
  FEATURES_MAX,
  HOST_NAME,
  HOST_NAME_LENGTH_MAX,
  PLACE_LENGTH_MAX,
} from '../registration/instance-facts.js';
import { FieldReader, ID_BOUNDS, invalidField } from '../rest-edge/field-reader.js';
import { withoutAbsent } from './cluster-requests.js';

/** What a scheduler can be for. */
export const SCHEDULER_FEATURES = ['schedule', 'preheat'] as const;

const PORT_BOUNDS = { min: 1, max: 65_535 };
/** Of a keepalive, in ns as Dragonfly writes it: 100 ms to 1 h. */
const INTERVAL_NS_BOUNDS = { min: 100_000_000, max: 3_600_000_000_000 };
const NS_PER_MS = 1_000_000;
const PLACE = { lengthMax: PLACE_LENGTH_MAX };
const HOST_TEXTS = [
  'os',
  'platform',
  'platform_family',
  'platform_version',
  'kernel_version',
  'git_version',
  'git_commit',
  'build_platform',
] as const;

/** What was read, and the names of fields that mean nothing there. */
export interface Parsed<T> {
  readonly facts: T;
  readonly strippedFields: readonly string[];
}

/** @throws InvalidArgumentError (`INVALID_FIELD`) naming the field. */
export function parseNewScheduler(
  raw: unknown,
  keepAliveIntervalMs: number,
): Parsed<Omit<UpsertScheduler, 'atMs'>> {
  const body = new FieldReader(raw, 'body');
  const hostName = readHostName(body);
  const { facts, strippedFields } = readScheduler(body);
  return {
    facts: {
      hostName,
      ip: required(facts.ip, 'ip'),
      port: required(facts.port, 'port'),
      clusterId: required(facts.clusterId, 'scheduler_cluster_id'),
      idc: facts.idc ?? '',
      location: facts.location ?? '',
      features: facts.features ?? [...SCHEDULER_FEATURES],
      keepAliveIntervalMs: facts.keepAliveIntervalMs ?? keepAliveIntervalMs,
    },
    strippedFields,
  };
}

/** @throws InvalidArgumentError (`INVALID_FIELD`) naming the field. */
export function parseSchedulerChanges(raw: unknown): Parsed<UpdateScheduler['changes']> {
  return readScheduler(new FieldReader(raw, 'body'));
}

/** @throws InvalidArgumentError (`INVALID_FIELD`) naming the field. */
export function parseNewSeedPeer(
  raw: unknown,
): Parsed<Omit<UpsertSeedPeer, 'atMs' | 'keepAliveIntervalMs'>> {
  const body = new FieldReader(raw, 'body');
  const hostName = readHostName(body);
  const { facts, strippedFields } = readSeedPeer(body);
  return {
    facts: {
      hostName,
      type: required(facts.type, 'type'),
      ip: required(facts.ip, 'ip'),
      port: required(facts.port, 'port'),
      downloadPort: required(facts.downloadPort, 'download_port'),
      clusterId: required(facts.clusterId, 'seed_peer_cluster_id'),
      idc: facts.idc ?? '',
      location: facts.location ?? '',
    },
    strippedFields,
  };
}

/** @throws InvalidArgumentError (`INVALID_FIELD`) naming the field. */
export function parseSeedPeerChanges(raw: unknown): Parsed<UpdateSeedPeer['changes']> {
  return readSeedPeer(new FieldReader(raw, 'body'));
}

/** @throws InvalidArgumentError (`INVALID_FIELD`) naming the field. */
export function parseNewHost(
  raw: unknown,
): Parsed<{ readonly clusterId: number; readonly host: HostRecord }> {
  const body = new FieldReader(raw, 'body');
  const hostName = readHostName(body);
  const ip = required(readIp(body), 'ip');
  const type = readChoice(body, 'type', ['normal', 'super']) ?? 'normal';
  const texts = HOST_TEXTS.map((field) => [field, body.text(field, PLACE) ?? ''] as const);
  const host = {
    id: `${ip}-${hostName}${type === 'super' ? '-seed' : ''}`,
    ...{ host_name: hostName, ip, type },
    idc: body.text('idc', PLACE) ?? '',
    location: body.text('location', PLACE) ?? '',
    port: required(body.wholeNumber('port', PORT_BOUNDS), 'port'),
    download_port: required(body.wholeNumber('download_port', PORT_BOUNDS), 'download_port'),
    ...(Object.fromEntries(texts) as Record<(typeof HOST_TEXTS)[number], string>),
  };
  const clusterId = required(
    body.wholeNumber('scheduler_cluster_id', ID_BOUNDS),
    'scheduler_cluster_id',
  );
  return { facts: { clusterId, host }, strippedFields: body.unknownFields() };
}

function readScheduler(body: FieldReader): Parsed<UpdateScheduler['changes']> {
  const config = body.object('config');
  const intervalNs = config.wholeNumber('manager_keep_alive_interval', INTERVAL_NS_BOUNDS);
  const facts = {
    clusterId: body.wholeNumber('scheduler_cluster_id', ID_BOUNDS),
    ip: readIp(body),
    port: body.wholeNumber('port', PORT_BOUNDS),
    idc: body.text('idc', PLACE),
    location: body.text('location', PLACE),
    features: readFeatures(body),
    keepAliveIntervalMs: intervalNs === undefined ? undefined : Math.round(intervalNs / NS_PER_MS),
  };
  const strippedFields = [...body.unknownFields(), ...config.unknownFields()];
  return { facts: withoutAbsent(facts), strippedFields };
}

function readSeedPeer(body: FieldReader): Parsed<UpdateSeedPeer['changes']> {
  const facts = {
    clusterId: body.wholeNumber('seed_peer_cluster_id', ID_BOUNDS),
    type: readChoice(body, 'type', ['super']),
    ip: readIp(body),
    port: body.wholeNumber('port', PORT_BOUNDS),
    downloadPort: body.wholeNumber('download_port', PORT_BOUNDS),
    idc: body.text('idc', PLACE),
    location: body.text('location', PLACE),
  };
  return { facts: withoutAbsent(facts), strippedFields: body.unknownFields() };
}

function readHostName(body: FieldReader): string {
  const name = body.text('host_name', { lengthMax: HOST_NAME_LENGTH_MAX });
  if (name !== undefined && HOST_NAME.test(name)) return name;
  throw invalidField('host_name', `must be a host name of 1 to ${HOST_NAME_LENGTH_MAX} characters`);
}

function readIp(body: FieldReader): string | undefined {
  const ip = body.text('ip', PLACE);
  if (ip === undefined || isIP(ip) !== 0) return ip;
  throw invalidField('ip', 'must be an IP address');
}

function readFeatures(body: FieldReader): readonly string[] | undefined {
  const features = body.texts('features', { countMax: FEATURES_MAX, lengthMax: PLACE_LENGTH_MAX });
  const unknown = features?.findIndex((one) => !SCHEDULER_FEATURES.some((known) => known === one));
  if (unknown === undefined || unknown === -1) return features;
  throw invalidField(`features[${unknown}]`, `must be one of ${SCHEDULER_FEATURES.join(', ')}`);
}

function readChoice<T extends string>(
  body: FieldReader,
  field: string,
  allowed: readonly T[],
): T | undefined {
  const value = body.text(field, PLACE);
  const found = allowed.find((choice) => choice === value);
  if (value === undefined || found !== undefined) return found;
  throw invalidField(field, `must be one of ${allowed.join(', ')}`);
}

function required<T>(value: T | undefined, field: string): T {
  if (value === undefined) throw invalidField(field, 'must be given');
  return value;
}
