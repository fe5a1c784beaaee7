import { PermissionDeniedError } from '@pondhawk/core';
import type { Request } from 'express';

/**
 * Refuses writes that a page of another site had a browser send. A browser names the page's origin with
 * every write; a program that sends none is no browser, unless it says by `Sec-Fetch-Site` that it is.
 *
 * @param allowed origins besides the manager's own, like `https://ops.example.com`.
 * @throws PermissionDeniedError (`ORIGIN_DENIED`).
 */
export function checkOrigin(
  { headers }: Pick<Request, 'headers'>,
  allowed: readonly string[],
): void {
  const { origin, host } = headers;
  const site = headers['sec-fetch-site'];
  const isOwn =
    origin === undefined
      ? site === undefined || site === 'same-origin' || site === 'none'
      : allowed.includes(origin) || (host !== undefined && hostOf(origin) === host);
  if (isOwn) return;
  throw new PermissionDeniedError(
    'ORIGIN_DENIED',
    'The request comes from a page of another site; see auth.allowedOrigins.',
  );
}

function hostOf(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined;
}
