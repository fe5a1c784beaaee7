/** Bodies that create and change configs, applications and providers of sign-in. */

import type { NamedFacts } from '../ledger/index.js';
import { FieldReader, ID_BOUNDS, invalidField } from '../rest-edge/field-reader.js';

/** Characters of a name. */
export const RECORD_NAME_LENGTH_MAX = 255;
/** Characters of a description, and of URLs and secrets. */
export const RECORD_TEXT_LENGTH_MAX = 1_000;
/** Characters of a config's value, as Dragonfly's column has them. */
export const CONFIG_VALUE_LENGTH_MAX = 1_024;
/** Rules of an application's priority. */
export const PRIORITY_URLS_MAX = 100;

const PRIORITY_BOUNDS = { min: 0, max: 20 };
const TEXT = { lengthMax: RECORD_TEXT_LENGTH_MAX };
/** Part of the path of a sign-in. */
const PROVIDER_NAME = /^[a-z0-9][a-z0-9-]{0,39}$/;

/** What a body says; what is absent was not said. */
export interface RecordRequest<F> {
  readonly name: string | undefined;
  readonly facts: { readonly [K in keyof F]: F[K] | undefined };
  readonly strippedFields: readonly string[];
}

/** @throws InvalidArgumentError (`INVALID_FIELD`) naming the field. */
export function parseConfig(raw: unknown): RecordRequest<NamedFacts['config']> {
  const body = new FieldReader(raw, 'body');
  return {
    name: readName(body),
    facts: {
      value: body.text('value', { lengthMax: CONFIG_VALUE_LENGTH_MAX }),
      bio: body.text('bio', TEXT),
      userId: body.wholeNumber('user_id', ID_BOUNDS),
    },
    strippedFields: body.unknownFields(),
  };
}

/** @throws InvalidArgumentError (`INVALID_FIELD`) naming the field. */
export function parseApplication(raw: unknown): RecordRequest<NamedFacts['application']> {
  const body = new FieldReader(raw, 'body');
  const priority = body.raw('priority') === undefined ? undefined : body.object('priority');
  return {
    name: readName(body),
    facts: {
      url: readUrl(body, 'url'),
      bio: body.text('bio', TEXT),
      priority: priority === undefined ? undefined : readPriority(priority),
      userId: body.wholeNumber('user_id', ID_BOUNDS),
    },
    strippedFields: [...body.unknownFields(), ...(priority?.unknownFields() ?? [])],
  };
}

/** The secret is as it came. @throws InvalidArgumentError (`INVALID_FIELD`) naming the field. */
export function parseProvider(raw: unknown): RecordRequest<NamedFacts['oauth provider']> {
  const body = new FieldReader(raw, 'body');
  const name = readName(body);
  if (name !== undefined && !PROVIDER_NAME.test(name)) {
    throw invalidField('name', 'must have 1 to 40 lower-case letters, digits or hyphens');
  }
  return {
    name,
    facts: {
      bio: body.text('bio', TEXT),
      clientId: readFilled(body, 'client_id'),
      clientSecret: readFilled(body, 'client_secret'),
      redirectUrl: readUrl(body, 'redirect_url'),
      issuer: readUrl(body, 'issuer'),
    },
    strippedFields: body.unknownFields(),
  };
}

/** @throws InvalidArgumentError (`INVALID_FIELD`) if it was not given. */
export function requireGiven<T>(value: T | undefined, field: string): T {
  if (value === undefined) throw invalidField(field, 'must be given');
  return value;
}

function readName(body: FieldReader): string | undefined {
  const name = body.text('name', { lengthMax: RECORD_NAME_LENGTH_MAX });
  if (name !== '') return name;
  throw invalidField('name', `must have 1 to ${RECORD_NAME_LENGTH_MAX} characters`);
}

function readFilled(body: FieldReader, field: string): string | undefined {
  const text = body.text(field, TEXT);
  if (text === '') throw invalidField(field, 'may not be empty');
  return text;
}

/** Absent, empty, or of the web. */
function readUrl(body: FieldReader, field: string): string | undefined {
  const text = body.text(field, TEXT);
  if (text === undefined || text === '') return text;
  const protocol = URL.canParse(text) ? new URL(text).protocol : '';
  if (protocol === 'http:' || protocol === 'https:') return text;
  throw invalidField(field, 'must be an http or https URL');
}

function readPriority(priority: FieldReader): Readonly<Record<string, unknown>> {
  const value = priority.wholeNumber('value', PRIORITY_BOUNDS);
  if (value === undefined) throw invalidField(priority.path('value'), 'must be given');
  const urls = priority.raw('urls') ?? [];
  const path = priority.path('urls');
  if (!Array.isArray(urls)) throw invalidField(path, 'must be a list');
  if (urls.length > PRIORITY_URLS_MAX) {
    throw invalidField(path, `may have at most ${PRIORITY_URLS_MAX} entries`);
  }
  return { value, urls: urls.map((raw: unknown, index) => readRule(raw, `${path}[${index}]`)) };
}

function readRule(raw: unknown, path: string): object {
  const rule = new FieldReader(raw, path, `${path}.`);
  const regex = requireGiven(rule.text('regex', TEXT), rule.path('regex'));
  const value = requireGiven(rule.wholeNumber('value', PRIORITY_BOUNDS), rule.path('value'));
  try {
    new RegExp(regex);
  } catch {
    // The parser's text quotes the expression; the field's name says enough.
    throw invalidField(rule.path('regex'), 'must be a regular expression');
  }
  return { regex, value };
}
