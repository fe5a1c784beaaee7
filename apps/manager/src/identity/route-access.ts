/** Who may call which route; whatever is not said here is denied. */

import { SetMetadata } from '@nestjs/common';
import type { Action } from './access-policy.js';

/** How a handler is marked. */
export type RouteMark = 'open' | 'own-user';

/** Metadata of marked handlers and controllers. */
export const ROUTE_MARK = 'pondhawk:route-mark';

/** Anybody may call it; it decides by itself, if at all. */
export const OpenRoute = (): MethodDecorator & ClassDecorator => SetMetadata(ROUTE_MARK, 'open');

/** Besides those who may, each user for himself: the id in the path is his. */
export const OwnUserRoute = (): MethodDecorator => SetMetadata(ROUTE_MARK, 'own-user');

/** What a route asks of its caller. */
export type RouteAccess =
  | { readonly kind: 'open' }
  | { readonly kind: 'denied' }
  | {
      readonly kind: 'permission';
      readonly object: string;
      readonly action: Action;
      readonly isForOwnUser: boolean;
    };

/** The two ways in: sessions (and tokens) under one, tokens alone under the other. */
export const SESSION_API = '/api/v1';
/** For programs; serves the same as `SESSION_API`, of these objects. */
export const TOKEN_API = '/oapi/v1';
/** What programs reach there. */
export const TOKEN_API_OBJECTS = ['jobs', 'clusters'] as const;

const READS = new Set(['GET', 'HEAD']);

/** Whether a method changes nothing. */
export function isRead(method: string): boolean {
  return READS.has(method);
}

/** What a call of a path below `SESSION_API` needs. */
export function accessOf(method: string, path: string, mark: RouteMark | undefined): RouteAccess {
  if (mark === 'open') return { kind: 'open' };
  const object = objectOf(path);
  if (object === undefined) return { kind: 'denied' };
  const action = isRead(method) ? 'read' : '*';
  return { kind: 'permission', object, action, isForOwnUser: mark === 'own-user' };
}

/** The first part of a path below either way in. */
export function objectOf(path: string): string | undefined {
  return /^\/o?api\/v1\/([a-z-]+)(?:\/|$)/.exec(path)?.[1];
}
