/** Headers that would change the form of the answer, or that belong to one connection. */
const NOT_FORWARDED = new Set([
  'accept-encoding',
  'connection',
  'content-length',
  'expect',
  'host',
  'if-match',
  'if-modified-since',
  'if-none-match',
  'if-range',
  'if-unmodified-since',
  'keep-alive',
  'proxy-connection',
  'range',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);
/** Headers that say who asks; never told to an origin the caller did not name. */
const CREDENTIALS = new Set(['authorization', 'cookie', 'proxy-authorization']);

/** The caller's headers as they go to the first origin. */
export function headersForHop(headers: Readonly<Record<string, string>>): Record<string, string> {
  return pick(headers, (name) => !NOT_FORWARDED.has(name));
}

/** The headers for the next hop of a redirect: no credentials across origins. */
export function hopHeaders(
  headers: Readonly<Record<string, string>>,
  from: URL,
  to: URL,
): Record<string, string> {
  const sameOrigin = from.origin === to.origin;
  return pick(headers, (name) => sameOrigin || !CREDENTIALS.has(name));
}

function pick(
  headers: Readonly<Record<string, string>>,
  keep: (name: string) => boolean,
): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    const lower = name.toLowerCase();
    if (keep(lower)) kept[lower] = value;
  }
  return kept;
}
