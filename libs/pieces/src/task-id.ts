/** How a download is named, so that every daemon of this family comes to the same name. */

import { createHash } from 'node:crypto';
import { InvalidArgumentError, parseTaskId, type TaskId } from '@pondhawk/core';

/** What the name of a URL's task is made of. Empty strings count as absent. */
export interface TaskIdFacts {
  readonly url: string;
  readonly tag?: string | undefined;
  readonly application?: string | undefined;
  readonly revision?: string | undefined;
  /** Bytes; only when the caller asked for it, never the computed one. */
  readonly pieceLengthBytes?: number | undefined;
  /** Query keys that do not count; absent or empty: `DEFAULT_FILTERED_QUERY_PARAMS`. */
  readonly filteredQueryParams?: readonly string[] | undefined;
}

/** Longest URL accepted, in characters. */
export const URL_LENGTH_MAX = 8_192;

/** Schemes that can be downloaded. */
export const URL_SCHEMES = ['http:', 'https:'] as const;

/**
 * Query keys that sign a URL and change with each signature: those of S3, GCS, OSS, OBS, COS and
 * the `ns` of container registries' mirrors. They would give each download another name.
 */
export const DEFAULT_FILTERED_QUERY_PARAMS: readonly string[] = [
  ...[
    'Algorithm',
    'Credential',
    'Date',
    'Expires',
    'SignedHeaders',
    'Signature',
    'Security-Token',
    'User-Agent',
  ].map((key) => `X-Amz-${key}`),
  ...['Algorithm', 'Credential', 'Date', 'Expires', 'SignedHeaders', 'Signature'].map(
    (key) => `X-Goog-${key}`,
  ),
  ...['OSSAccessKeyId', 'Expires', 'Signature', 'SecurityToken'],
  ...['AccessKeyId', 'X-Obs-Date', 'X-Obs-Security-Token'],
  ...[
    'q-sign-algorithm',
    'q-ak',
    'q-sign-time',
    'q-key-time',
    'q-header-list',
    'q-url-param-list',
    'q-signature',
    'x-cos-security-token',
  ],
  'ns',
];

/** The task type's name in the formula; only standard tasks exist here. */
const TASK_TYPE = 'STANDARD';

/**
 * Name of the task of a URL: sha256 over filtered URL, tag, application, revision, piece length
 * (decimal) and the type's name, joined without separators.
 *
 * @throws InvalidArgumentError (`INVALID_URL`) as `parseDownloadUrl` does.
 */
export function taskIdOfUrl(facts: TaskIdFacts): TaskId {
  const hash = createHash('sha256').update(filterUrl(facts.url, facts.filteredQueryParams));
  for (const part of [facts.tag, facts.application, facts.revision]) hash.update(part ?? '');
  if (facts.pieceLengthBytes !== undefined) hash.update(String(facts.pieceLengthBytes));
  return parseTaskId(hash.update(TASK_TYPE).digest('hex'));
}

/** Name of the task that a caller names by a string of his own: its sha256. */
export function taskIdOfContent(content: string): TaskId {
  return parseTaskId(createHash('sha256').update(content).digest('hex'));
}

/** @throws InvalidArgumentError (`INVALID_URL`) unless `raw` is an absolute http or https URL of at most 8,192 characters. */
export function parseDownloadUrl(raw: string, field = 'url'): URL {
  const refuse = (why: string): never => {
    throw new InvalidArgumentError('INVALID_URL', `${field} ${why}.`, { details: { field } });
  };
  if (raw.length > URL_LENGTH_MAX) return refuse(`may have at most ${URL_LENGTH_MAX} characters`);
  if (!URL.canParse(raw))
    return refuse('must be an absolute URL, such as https://example.com/file');
  const url = new URL(raw);
  const isKnown = URL_SCHEMES.some((scheme) => scheme === url.protocol);
  return isKnown && url.hostname !== '' ? url : refuse('must begin with http:// or https://');
}

/** The URL without the query keys that do not count, as the formula wants it: form-encoded anew, a bare root slash trimmed. */
export function filterUrl(raw: string, filtered?: readonly string[]): string {
  const url = parseDownloadUrl(raw);
  const dropped = new Set(
    filtered === undefined || filtered.length === 0 ? DEFAULT_FILTERED_QUERY_PARAMS : filtered,
  );
  const kept = [...url.searchParams].filter(([key]) => !dropped.has(key));
  url.search = kept.length === 0 ? '' : new URLSearchParams(kept).toString();
  const text = url.toString();
  return url.pathname === '/' && text.endsWith('/') ? text.slice(0, -1) : text;
}
