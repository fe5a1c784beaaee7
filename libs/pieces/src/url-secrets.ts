/** URLs as they may be kept and shown: without what opens a door. */

import { DEFAULT_FILTERED_QUERY_PARAMS } from './task-id.js';

/** Stands where a secret stood. */
export const HIDDEN = '***';

/** Query keys that tell of credentials by their name, whoever made them up. */
const CREDENTIAL = /auth|cookie|credential|key|passw|pwd|secret|session|sig|token/i;

/**
 * The URL with `***` in place of its user and password, and of the values of query keys that sign it
 * (`DEFAULT_FILTERED_QUERY_PARAMS`), tell of credentials by their name, or are in `filtered`. A text that
 * is no URL, or has none of these, stays as it is. A secret within the path is not known as one.
 *
 * @param filtered further keys: those that do not count for the task's name mostly sign.
 */
export function hideUrlSecrets(text: string, filtered: readonly string[] = []): string {
  if (!URL.canParse(text)) return text;
  const url = new URL(text);
  const names = new Set([...DEFAULT_FILTERED_QUERY_PARAMS, ...filtered]);
  const search = url.search
    .slice(1)
    .split('&')
    .map((part) => hideParameter(part, names))
    .join('&');
  const hasUser = url.username !== '' || url.password !== '';
  if (!hasUser && `?${search}` === (url.search || '?')) return text;
  if (hasUser) url.username = 'hidden';
  url.password = '';
  const { href } = url;
  // Put in as text: written through the URL, the stars would be escaped in some places.
  const start = hasUser ? href.replace('://hidden@', `://${HIDDEN}@`) : href;
  return url.search === '' ? start : start.replace(url.search, () => `?${search}`);
}

function hideParameter(part: string, names: ReadonlySet<string>): string {
  const [rawKey = '', ...value] = part.split('=');
  if (value.length === 0 || value.join('') === '') return part;
  // As the origin reads it: with its escapes undone.
  const [key = rawKey] = new URLSearchParams(rawKey).keys();
  return names.has(key) || CREDENTIAL.test(key) ? `${rawKey}=${HIDDEN}` : part;
}
