import { InvariantError } from '@pondhawk/core';
import type { Request } from 'express';
import type { TokenRecord, UserRecord } from '../ledger/index.js';
import type { Session } from './session-tokens.js';

/** Who calls, and how he proved it. */
export type Caller =
  | { readonly via: 'session'; readonly user: UserRecord; readonly session: Session }
  | { readonly via: 'token'; readonly user: UserRecord; readonly token: TokenRecord };

/** Callers of requests that are being answered. */
const CALLERS = new WeakMap<Request, Caller>();

/** Notes who a request comes from. */
export function setCaller(request: Request, caller: Caller): void {
  CALLERS.set(request, caller);
}

/** Who a request comes from; undefined before that was found out, and for anybody. */
export function findCaller(request: Request): Caller | undefined {
  return CALLERS.get(request);
}

/** Who a request comes from, on a route that is not open. */
export function requireCaller(request: Request): Caller {
  const caller = CALLERS.get(request);
  if (caller === undefined) {
    throw new InvariantError('CALLER_MISSING', 'A route that asks for its caller lets anybody in.');
  }
  return caller;
}
