/** Values of options. Each parser throws commander's error, which ends with the usage code and names the option. */

import { InvalidArgumentError as InvalidOption } from 'commander';
import { isTaskId, parseDurationMs, PondhawkError } from '@pondhawk/core';
import { parseContentDigest, parseDownloadUrl, type ContentDigest } from '@pondhawk/pieces';

const SIZE = /^(\d{1,15})(b|k|kb|kib|m|mb|mib|g|gb|gib)?$/i;
const FACTOR_OF: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  k: 2 ** 10,
  m: 2 ** 20,
  g: 2 ** 30,
};
const HEADER = /^([A-Za-z0-9!#$%&'*+.^_`|~-]+):\s*(.*)$/;

/** `4194304`, `4MiB`, `4M`: bytes. All units are powers of 1024. */
export function parseSizeBytes(raw: string): number {
  const match = SIZE.exec(raw);
  const factor = FACTOR_OF[(match?.[2] ?? '').slice(0, 1).toLowerCase()];
  const bytes = Number(match?.[1]) * (factor ?? Number.NaN);
  if (!Number.isSafeInteger(bytes)) throw new InvalidOption('Write a size as 4MiB or 4194304.');
  return bytes;
}

/** `30s`, `1h30m`: ms. */
export function parseTimeoutMs(raw: string): number {
  return passing(() => parseDurationMs(raw, 'The duration'), 'Write a duration as 30s or 1h30m.');
}

/** `sha256:<hex>`, `sha512:<hex>` or `crc32:<decimal>`. */
export function parseDigestOption(raw: string): ContentDigest {
  return passing(() => parseContentDigest(raw, 'The digest'));
}

/** An http or https URL, as it was given. */
export function parseUrlArgument(raw: string): string {
  passing(() => parseDownloadUrl(raw, 'The URL'));
  return raw;
}

/** A task id. */
export function parseTaskIdArgument(raw: string): string {
  if (!isTaskId(raw)) throw new InvalidOption('A task id is 64 lower-case hex digits.');
  return raw;
}

/** A task id or a URL. */
export function parseTaskName(raw: string): string {
  if (isTaskId(raw) || URL.canParse(raw)) return isTaskId(raw) ? raw : parseUrlArgument(raw);
  throw new InvalidOption('Name a task by its id (64 lower-case hex digits) or by its URL.');
}

/** `on` or `off`. */
export function parseSwitchOption(raw: string): boolean {
  if (raw !== 'on' && raw !== 'off') throw new InvalidOption('Write on or off.');
  return raw === 'on';
}

/** A whole number from 1. */
export function parseNumberOption(raw: string): number {
  const value = Number(raw);
  if (!/^\d{1,15}$/.test(raw) || value < 1) throw new InvalidOption('Write a whole number from 1.');
  return value;
}

/** Collects `--header 'Name: value'`. */
export function collectHeader(
  raw: string,
  before: Readonly<Record<string, string>> = {},
): Readonly<Record<string, string>> {
  const match = HEADER.exec(raw);
  if (match === null) throw new InvalidOption("Write a header as 'Name: value'.");
  return { ...before, [match[1] ?? '']: match[2] ?? '' };
}

/** Collects an option that may be given several times. */
export function collectText(raw: string, before: readonly string[] = []): readonly string[] {
  return [...before, raw];
}

/** Collects the names of tasks. */
export function collectTaskName(raw: string, before?: readonly string[]): readonly string[] {
  return [...(before ?? []), parseTaskName(raw)];
}

/** Collects URLs. */
export function collectUrl(raw: string, before?: readonly string[]): readonly string[] {
  return [...(before ?? []), parseUrlArgument(raw)];
}

/** Collects `--cluster N`. */
export function collectNumber(raw: string, before: readonly number[] = []): readonly number[] {
  return [...before, parseNumberOption(raw)];
}

function passing<T>(parse: () => T, advice = ''): T {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof PondhawkError)) throw error;
    throw new InvalidOption(`${error.message} ${advice}`.trim());
  }
}
