import type { PageRequest } from '../ledger/index.js';
import { invalidField, type NumberBounds } from './field-reader.js';

/** A query string as Express parses it. */
export type Query = Readonly<Record<string, unknown>>;

/** Most rows a page may hold; Dragonfly's console asks for this many to get all. */
export const PER_PAGE_MAX = 10_000_000;
/** Rows of a page that was not asked for otherwise. */
export const PER_PAGE_DEFAULT = 10;
/** Highest page number: far enough, and page × per_page stays exact. */
export const PAGE_MAX = 100_000_000;
/** Longest text a filter may hold, in characters. */
export const FILTER_LENGTH_MAX = 256;

const DIGITS = /^\d{1,15}$/;

/** @throws InvalidArgumentError (`INVALID_FIELD`) unless absent or given once, and not too long. */
export function textParameter(query: Query, field: string): string | undefined {
  const value = query[field];
  if (value === undefined || value === '') return undefined;
  if (typeof value !== 'string') throw invalidField(field, 'may be given only once');
  if (value.length > FILTER_LENGTH_MAX) {
    throw invalidField(field, `may have at most ${FILTER_LENGTH_MAX} characters`);
  }
  return value;
}

/** Like `textParameter`, and one of `allowed`. */
export function choiceParameter<T extends string>(
  query: Query,
  field: string,
  allowed: readonly T[],
): T | undefined {
  const value = textParameter(query, field);
  if (value === undefined) return undefined;
  const found = allowed.find((choice) => choice === value);
  if (found === undefined) throw invalidField(field, `must be one of ${allowed.join(', ')}`);
  return found;
}

/** @throws InvalidArgumentError (`INVALID_FIELD`) unless absent or plain digits within bounds: no sign, fraction or quotes. */
export function numberParameter(
  query: Query,
  field: string,
  bounds: NumberBounds,
): number | undefined {
  const value = query[field];
  if (value === undefined || value === '') return undefined;
  return parseWholeNumber(value, field, bounds);
}

/** `page` from 1 and `per_page`. @throws InvalidArgumentError (`INVALID_FIELD`). */
export function pageParameters(query: Query): PageRequest {
  return {
    page: numberParameter(query, 'page', { min: 1, max: PAGE_MAX }) ?? 1,
    perPage: numberParameter(query, 'per_page', { min: 1, max: PER_PAGE_MAX }) ?? PER_PAGE_DEFAULT,
  };
}

/** @throws InvalidArgumentError (`INVALID_FIELD`) unless `raw` is plain digits within bounds. */
export function parseWholeNumber(raw: unknown, field: string, bounds: NumberBounds): number {
  const { min, max } = bounds;
  const value = typeof raw === 'string' && DIGITS.test(raw) ? Number(raw) : Number.NaN;
  if (!(value >= min && value <= max)) {
    throw invalidField(field, `must be a whole number from ${min} to ${max}`);
  }
  return value;
}
