/** Headers that belong to one connection, or to what is sent; never the caller's to choose. */
const OF_THE_CONNECTION = new Set([
  'accept-encoding',
  'connection',
  'content-length',
  'expect',
  'host',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);
/** Headers that would change which part or version is answered. */
const OF_THE_ANSWER = new Set([
  'if-match',
  'if-modified-since',
  'if-none-match',
  'if-range',
  'if-unmodified-since',
  'range',
]);
/**
 * Names of headers that may say who asks: `authorization`, `proxy-authorization`, `cookie`,
 * `x-api-key`, `private-token`, `x-amz-security-token` and their like. One too many costs little.
 */
const CREDENTIAL = /auth|cookie|credential|key|password|secret|session|signature|token/;

/** The caller's headers as they go to the first origin. */
export function callerHeaders(headers: Readonly<Record<string, string>>): Record<string, string> {
  return pick(headers, (name) => !OF_THE_CONNECTION.has(name) && !OF_THE_ANSWER.has(name));
}

/** The headers for the next hop of a redirect: no credentials across origins. */
export function hopHeaders(
  headers: Readonly<Record<string, string>>,
  from: URL,
  to: URL,
): Record<string, string> {
  const isSameOrigin = from.origin === to.origin;
  return pick(headers, (name) => isSameOrigin || !CREDENTIAL.test(name));
}

/** Whether any of the headers may say who asks. */
export function hasCredentials(headers: Readonly<Record<string, string>>): boolean {
  return Object.keys(headers).some((name) => CREDENTIAL.test(name.toLowerCase()));
}

/** A user with his password, both in clear. */
export interface UserPassword {
  /** Empty for nobody in particular. */
  readonly user: string;
  readonly password: string;
}

/** User and password that stand in a URL; escapes that are none stay as they are. */
export function userOf({ username, password }: URL): UserPassword {
  return { user: decode(username), password: decode(password) };
}

/** `Authorization` of the user and password that stand in a URL; nothing if none do, or the caller sends his own. */
export function urlCredentials(
  url: URL,
  headers: Readonly<Record<string, string>>,
): Record<string, string> {
  const isSaid = Object.keys(headers).some((name) => name.toLowerCase() === 'authorization');
  const found = userOf(url);
  if (isSaid || (found.user === '' && found.password === '')) return {};
  return { authorization: basicAuthorization(found) };
}

/** The value of `Authorization` for a user and a password (RFC 7617, UTF-8). */
export function basicAuthorization({ user, password }: UserPassword): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
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
