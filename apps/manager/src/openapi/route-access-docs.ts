import type { OpenAPIObject } from '@nestjs/swagger';
import { SESSION_API, TOKEN_API, TOKEN_API_OBJECTS } from '../identity/route-access.js';
import { ErrorAnswerBody } from './answer-docs.js';
import type { ListedRoute } from './route-list.js';

type Paths = OpenAPIObject['paths'];
type PathItem = Paths[string];
type Operation = NonNullable<PathItem['get']>;

const METHODS = ['get', 'post', 'put', 'patch', 'delete'] as const;
const DENIED = {
  description: '',
  content: {
    'application/json': { schema: { $ref: `#/components/schemas/${ErrorAnswerBody.name}` } },
  },
};

/** Adds to a description who may call what, and the routes that only tokens reach. */
export function describeAccess(
  document: OpenAPIObject,
  routes: readonly ListedRoute[],
): OpenAPIObject {
  const paths: Paths = {};
  for (const [path, item] of Object.entries(document.paths)) {
    paths[path] = withOperations(item, (method, operation) =>
      withAccess(operation, find(routes, method, path)),
    );
  }
  for (const [path, item] of Object.entries(document.paths)) {
    const object = path.split('/')[3] ?? '';
    if (!path.startsWith(SESSION_API) || !TOKEN_API_OBJECTS.some((one) => one === object)) continue;
    const tokenPath = path.replace(SESSION_API, TOKEN_API);
    paths[tokenPath] = withOperations(item, (method, operation) =>
      withAccess(
        { ...operation, operationId: `${operation.operationId ?? ''}ByToken` },
        find(routes, method, tokenPath),
      ),
    );
  }
  return { ...document, paths };
}

function withOperations(
  item: PathItem,
  change: (method: string, operation: Operation) => Operation,
): PathItem {
  const changed = METHODS.flatMap((method) => {
    const operation = item[method];
    return operation === undefined ? [] : [[method, change(method, operation)] as const];
  });
  return { ...item, ...Object.fromEntries(changed) };
}

function withAccess(operation: Operation, route: ListedRoute | undefined): Operation {
  if (route === undefined || route.access.kind === 'open') return operation;
  const status = route.auth === 'token' ? { 401: DENIED, 403: DENIED } : { 401: DENIED };
  const note = `Permission: ${route.permission}. Scope of a token: ${route.scope}.`;
  return {
    ...operation,
    description: [operation.description, note].filter(Boolean).join(' '),
    security: route.auth === 'token' ? [{ token: [] }] : [{ session: [] }, { token: [] }],
    responses: { ...operation.responses, ...status },
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
