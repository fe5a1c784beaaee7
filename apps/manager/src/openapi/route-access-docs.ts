import type { OpenAPIObject } from '@nestjs/swagger';
import { SESSION_API, TOKEN_API, TOKEN_API_OBJECTS } from '../identity/route-access.js';
import { errorReference } from './error-answers.js';
import { withEach, type Operation } from './operation-docs.js';
import type { ListedRoute } from './route-list.js';

/** Adds to a description who may call what, and the routes that only tokens reach. */
export function describeAccess(
  document: OpenAPIObject,
  routes: readonly ListedRoute[],
): OpenAPIObject {
  const own = withEach(document.paths, (operation, method, path) =>
    withAccess(operation, find(routes, method, path)),
  );
  const forTokens = Object.entries(document.paths).flatMap(([path, item]) => {
    const object = path.split('/')[3] ?? '';
    const isThere = TOKEN_API_OBJECTS.some((one) => one === object);
    if (!path.startsWith(SESSION_API) || !isThere) return [];
    return [[path.replace(SESSION_API, TOKEN_API), item] as const];
  });
  const byToken = withEach(Object.fromEntries(forTokens), (operation, method, path) =>
    withAccess(
      { ...operation, operationId: `${operation.operationId ?? ''}ByToken` },
      find(routes, method, path),
    ),
  );
  return { ...document, paths: { ...own, ...byToken } };
}

function withAccess(operation: Operation, route: ListedRoute | undefined): Operation {
  if (route === undefined || route.access.kind === 'open') return { ...operation, security: [] };
  // 429: a token may be used only so often.
  const statuses = route.auth === 'token' ? [401, 403, 429] : [401, 429];
  const denials = Object.fromEntries(statuses.map((status) => [status, errorReference(status)]));
  const note = `Permission: ${route.permission}. Scope of a token: ${route.scope}.`;
  return {
    ...operation,
    description: [operation.description, note].filter(Boolean).join(' '),
    security: route.auth === 'token' ? [{ token: [] }] : [{ session: [] }, { token: [] }],
    responses: { ...operation.responses, ...denials },
  };
}

function find(
  routes: readonly ListedRoute[],
  method: string,
  path: string,
): ListedRoute | undefined {
  const wanted = path.replace(/\{(\w+)\}/g, ':$1');
  return routes.find((one) => one.path === wanted && one.method === method.toUpperCase());
}
