/** Shown in place of what is no URL. */
export const INVALID_URL = '(invalid url)';

/**
 * A URL that is safe to log: without user, password, fragment, and with its query replaced by `?…`,
 * because queries of origins carry signatures.
 */
export function redactUrl(url: string): string {
  if (!URL.canParse(url)) return INVALID_URL;
  const { protocol, host, pathname, search } = new URL(url);
  const origin = host === '' ? protocol : `${protocol}//${host}`;
  return `${origin}${pathname}${search === '' ? '' : '?…'}`;
}
