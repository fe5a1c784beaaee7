/** All routes of all controllers and who may call them, found by what the framework itself reads. */

import { RequestMethod, type INestApplication, type Type } from '@nestjs/common';
import { METHOD_METADATA, PATH_METADATA } from '@nestjs/common/constants';
import { ModulesContainer } from '@nestjs/core';
import { scopeOf } from '../identity/access-token.js';
import {
  ROUTE_MARK,
  SESSION_API,
  TOKEN_API,
  TOKEN_API_OBJECTS,
  accessOf,
  type RouteAccess,
  type RouteMark,
} from '../identity/route-access.js';

/** One route. */
export interface ListedRoute {
  readonly method: string;
  /** With parameters as `:id`. */
  readonly path: string;
  readonly access: RouteAccess;
  /** What is shown to call it. */
  readonly auth: 'open' | 'session or token' | 'token' | 'nobody';
  /** That a token needs; empty for open routes. */
  readonly scope: string;
  /** The permission that a role needs, `own` beside it where users may for themselves; empty for open routes. */
  readonly permission: string;
}

/** By path and method. */
export function routesOf(app: INestApplication): readonly ListedRoute[] {
  const controllers = [...app.get(ModulesContainer).values()].flatMap((module) =>
    [...module.controllers.values()].map(({ metatype }) => metatype as Type),
  );
  const routes = [...new Set(controllers)].flatMap(routesOfController);
  const byToken = routes.filter(
    ({ access }) =>
      access.kind === 'permission' && TOKEN_API_OBJECTS.some((object) => object === access.object),
  );
  return [...routes, ...byToken.map(underTokenApi)].sort((a, b) =>
    `${a.path} ${a.method}` < `${b.path} ${b.method}` ? -1 : 1,
  );
}

/** A line of the committed list. */
export function routeLine({ method, path, auth, scope, permission }: ListedRoute): string {
  return [method.padEnd(6), path.padEnd(56), auth.padEnd(16), scope.padEnd(8), permission]
    .join(' ')
    .trimEnd();
}

function routesOfController(controller: Type): ListedRoute[] {
  const prefixes = pathsOf(controller);
  const prototype = controller.prototype as Record<string, unknown>;
  return Object.getOwnPropertyNames(prototype).flatMap((name) => {
    const handler = prototype[name];
    if (typeof handler !== 'function') return [];
    const method = Reflect.getMetadata(METHOD_METADATA, handler) as RequestMethod | undefined;
    if (method === undefined) return [];
    const mark = (Reflect.getMetadata(ROUTE_MARK, handler) ??
      Reflect.getMetadata(ROUTE_MARK, controller)) as RouteMark | undefined;
    return prefixes.flatMap((prefix) =>
      pathsOf(handler).map((path) => toRoute(RequestMethod[method], join(prefix, path), mark)),
    );
  });
}

function toRoute(method: string, path: string, mark: RouteMark | undefined): ListedRoute {
  const access = accessOf(method, path, mark);
  if (access.kind !== 'permission') {
    const auth = access.kind === 'open' ? 'open' : 'nobody';
    return { method, path, access, auth, scope: '', permission: '' };
  }
  const { object, action, isForOwnUser } = access;
  return {
    ...{ method, path, access, auth: 'session or token', scope: scopeOf(object) },
    permission: `${object}:${action}${isForOwnUser ? ' or own' : ''}`,
  };
}

function underTokenApi(route: ListedRoute): ListedRoute {
  return { ...route, path: route.path.replace(SESSION_API, TOKEN_API), auth: 'token' };
}

function pathsOf(target: object): string[] {
  const paths = Reflect.getMetadata(PATH_METADATA, target) as string | string[] | undefined;
  return [paths ?? []].flat();
}

function join(prefix: string, path: string): string {
  const parts = [prefix, path].map((part) => part.replace(/^\/|\/$/g, '')).filter(Boolean);
  return `/${parts.join('/')}`;
}
