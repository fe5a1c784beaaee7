/** How long jobs and audits are kept: what the config `gc` says, else the manager's settings. */

import type { RetentionConfig } from '../config/manager.config.js';
import { GC_CONFIG_NAME, type LedgerReader, type NamedRecord } from '../ledger/index.js';
import { FieldReader, invalidField } from '../rest-edge/field-reader.js';

/** Ages at which things are removed. */
export interface RetentionAges {
  /** Since the end of a job. */
  readonly jobAgeMsMax: number;
  /** Since an audit was written. */
  readonly auditAgeMsMax: number;
}

/** Shortest time that anything is kept. */
export const TTL_MS_MIN = 3_600_000;
/** Longest: ten years. */
export const TTL_MS_MAX = 3_650 * 24 * 3_600_000;

const NS_PER_MS = 1_000_000;
const DAY_MS = 24 * 3_600_000;

/** As the settings have it. */
export function agesOfSettings({ jobDays, auditDays }: RetentionConfig): RetentionAges {
  return { jobAgeMsMax: jobDays * DAY_MS, auditAgeMsMax: auditDays * DAY_MS };
}

/** What holds now. */
export function agesOf(
  configs: readonly NamedRecord<'config'>[],
  settings: RetentionAges,
): RetentionAges {
  const value = configs.find(({ name }) => name === GC_CONFIG_NAME)?.facts.value ?? '';
  return value === '' ? settings : parseAges(value);
}

/** What holds now, as the ledger has it. */
export async function loadRetentionAges(
  reader: Pick<LedgerReader, 'listNamed'>,
  settings: RetentionConfig,
): Promise<RetentionAges> {
  return agesOf(await reader.listNamed('config'), agesOfSettings(settings));
}

/** As Dragonfly's console writes it: JSON, in ns. */
export function writeAges({ jobAgeMsMax, auditAgeMsMax }: RetentionAges): string {
  const ttl = (ms: number): object => ({ ttl: ms * NS_PER_MS });
  return JSON.stringify({ audit: ttl(auditAgeMsMax), job: ttl(jobAgeMsMax) });
}

/** @throws InvalidArgumentError (`INVALID_FIELD`) naming the part of `value`. */
export function parseAges(value: string): RetentionAges {
  const body = new FieldReader(parseJson(value), 'value', 'value.');
  const read = (part: string): number => readTtl(body.object(part));
  return { jobAgeMsMax: read('job'), auditAgeMsMax: read('audit') };
}

function parseJson(value: string): unknown {
  try {
    return JSON.parse(value);
  } catch {
    // The parser's text would quote the value; the field's name says enough.
    throw invalidField('value', 'must be JSON as {"audit":{"ttl":ns},"job":{"ttl":ns}}');
  }
}

/** Not as a whole number is read elsewhere: ten years in ns are beyond what those hold exactly. */
function readTtl(part: FieldReader): number {
  const raw = part.raw('ttl');
  const ms = typeof raw === 'number' ? Math.round(raw / NS_PER_MS) : Number.NaN;
  if (ms >= TTL_MS_MIN && ms <= TTL_MS_MAX) return ms;
  throw invalidField(part.path('ttl'), 'must be a number of nanoseconds from 1 hour to 10 years');
}
