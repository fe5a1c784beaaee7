import type { CanActivate, ExecutionContext } from '@nestjs/common';
import type { Reflector } from '@nestjs/core';
import { PermissionDeniedError } from '@pondhawk/core';
import type { Request } from 'express';
import { scopeOf } from './access-token.js';
import { isTokenApi, refuseToken, type Authenticator } from './authenticator.js';
import { setCaller, type Caller } from './caller.js';
import type { IdentityStore } from './identity-store.js';
import { noteRecheck } from './open-streams.js';
import { checkOrigin } from './origin-check.js';
import { ROUTE_MARK, accessOf, isRead, type RouteAccess, type RouteMark } from './route-access.js';
import type { TokenRateLimits } from './token-rate-limits.js';

/** Stands before every route of every controller: what is not allowed to somebody is denied to all. */
export class AccessGuard implements CanActivate {
  constructor(
    private readonly reflector: Reflector,
    private readonly authenticator: Authenticator,
    private readonly store: IdentityStore,
    private readonly limits: TokenRateLimits,
    private readonly allowedOrigins: readonly string[],
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    // Reports of schedulers come by the broker, which has its own credentials.
    if (context.getType() !== 'http') return true;
    const request = context.switchToHttp().getRequest<Request>();
    const mark = this.reflector.getAllAndOverride<RouteMark | undefined>(ROUTE_MARK, [
      context.getHandler(),
      context.getClass(),
    ]);
    const access = accessOf(request.method, request.path, mark);
    const isByBrowser =
      this.authenticator.isByCookie(request) || request.headers.authorization === undefined;
    if (isByBrowser && !isRead(request.method) && !isTokenApi(request)) {
      checkOrigin(request, this.allowedOrigins);
    }
    if (access.kind === 'open') return true;
    const caller = await this.authenticator.authenticate(request);
    setCaller(request, caller);
    if (caller.via === 'token') this.limits.take(caller.token.id);
    await this.requireAccess(request, caller, access);
    noteRecheck(request, async () =>
      this.requireAccess(request, await this.authenticator.authenticate(request), access),
    );
    return true;
  }

  private async requireAccess(
    request: Request,
    caller: Caller,
    access: RouteAccess,
  ): Promise<void> {
    if (access.kind !== 'permission') throw denied('Nobody may call this.');
    const { object, action, isForOwnUser } = access;
    if (caller.via === 'token') {
      const scope = scopeOf(object);
      if (!caller.token.scopes.includes(scope)) {
        throw refuseToken(request, `The token does not have the scope ${scope}.`);
      }
    }
    if (isForOwnUser && request.params['id'] === String(caller.user.id)) return;
    const policy = await this.store.loadPolicy();
    if (policy.may(caller.user.roles, object, action)) return;
    const why = `No role of yours may ${action === 'read' ? 'read' : 'change'} ${object}.`;
    throw isTokenApi(request) ? refuseToken(request, why) : denied(why);
  }
}

function denied(why: string): PermissionDeniedError {
  return new PermissionDeniedError('PERMISSION_DENIED', why);
}
