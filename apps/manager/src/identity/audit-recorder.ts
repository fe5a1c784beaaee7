import { toError, type Clock } from '@pondhawk/core';
import type { Log } from '@pondhawk/observability';
import type { Request, RequestHandler, Response } from 'express';
import { AuditScope, auditScopes, type AuditEntry, type LedgerWriter } from '../ledger/index.js';
import { findCaller } from './caller.js';
import { isRead, objectOf } from './route-access.js';

/** Refused writes of unknown callers that are written down, a minute; more would let anybody fill the disk. */
export const UNKNOWN_AUDITS_PER_MINUTE_MAX = 600;
/** Longest path and selector that are kept, in characters. */
export const AUDIT_TEXT_LENGTH_MAX = 512;
/** Fields of a body that are named at most. */
const AUDIT_FIELDS_MAX = 32;

/** Somebody comes back from a provider of sign-in: a session begins, and perhaps a user. */
const SIGN_IN_END = /^\/api\/v1\/users\/signin\/[^/]+\/callback$/;

const MINUTE_MS = 60_000;

/** What requests are about, beyond their path. */
const SELECTORS = new WeakMap<Request, string>();
/** Codes of refusals. */
const RESULTS = new WeakMap<Request, string>();
/** Names of who tried to sign in, or did. */
const NAMES = new WeakMap<Request, string>();

/** Says what a request is about, for its audit, better than `usualSelector` does; never a secret. */
export function noteSelector(request: Request, selector: string): void {
  SELECTORS.set(request, selector);
}

/** An audit of its own for one part of a request, written by the commit of its first command. */
export function auditPart<T>(
  request: Request,
  selector: string,
  work: () => Promise<T>,
): Promise<T> {
  const entry = (): AuditEntry => ({
    ...entryOf(request, { statusCode: 200, result: '' }),
    selector: kept(selector),
  });
  return auditScopes.run(new AuditScope(entry), work);
}

/** Says how a request was refused. */
export function noteRefusal(request: Request, code: string): void {
  RESULTS.set(request, code);
}

/** Says who a caller of an open route proved to be. */
export function noteActor(request: Request, name: string): void {
  NAMES.set(request, name);
}

/**
 * Has every write of REST written into the audit log. What changes the ledger is written by the
 * commit of that change, before the caller is answered; what was refused, or changed nothing there,
 * after the answer.
 */
export class AuditRecorder {
  private unknown = { count: 0, endsAtMs: 0 };

  constructor(
    private readonly writer: LedgerWriter,
    private readonly clock: Clock,
    private readonly log: Log,
  ) {}

  /** The handler that must see each request first. */
  handler(): RequestHandler {
    return (request, response, next) => {
      const isWrite = !isRead(request.method) || SIGN_IN_END.test(request.path);
      if (!isWrite || request.method === 'OPTIONS') {
        next();
        return;
      }
      const scope = new AuditScope(() => entryOf(request, { statusCode: 200, result: '' }));
      response.once('close', () => this.settle(request, response, scope));
      auditScopes.run(scope, next);
    };
  }

  private settle(request: Request, response: Response, scope: AuditScope): void {
    // Gone before it was answered: the number that web servers write for it.
    const statusCode = response.writableFinished ? response.statusCode : 499;
    // What was committed stays so, even if the answer then failed: both are written.
    if (scope.close() && statusCode === 200) return;
    const result = RESULTS.get(request) ?? '';
    const entry = entryOf(request, { statusCode, result });
    if (entry.actorType === 'UNKNOWN' && !this.takeUnknown()) return;
    const atMs = this.clock.nowMs();
    this.writer.execute('append-audits', { atMs, entries: [entry] }).catch((error: unknown) => {
      this.log.error('audit could not be written', { err: toError(error), ...entry });
    });
  }

  private takeUnknown(): boolean {
    const nowMs = this.clock.monotonicMs();
    if (nowMs >= this.unknown.endsAtMs) this.unknown = { count: 0, endsAtMs: nowMs + MINUTE_MS };
    this.unknown.count += 1;
    if (this.unknown.count === UNKNOWN_AUDITS_PER_MINUTE_MAX + 1) {
      this.log.warn('refused writes of unknown callers are not audited for a minute', {
        max: UNKNOWN_AUDITS_PER_MINUTE_MAX,
      });
    }
    return this.unknown.count <= UNKNOWN_AUDITS_PER_MINUTE_MAX;
  }
}

function entryOf(
  request: Request,
  { statusCode, result }: { readonly statusCode: number; readonly result: string },
): AuditEntry {
  // Without its query, which may hold a token.
  const path = request.originalUrl.split('?')[0] ?? '';
  return {
    ...actorOf(request),
    remoteIp: remoteIpOf(request),
    operation: request.method,
    path: kept(path),
    object: objectOf(path) ?? '',
    selector: kept(SELECTORS.get(request) ?? usualSelector(request)),
    state: statusCode < 400 ? 'SUCCESS' : 'FAILURE',
    statusCode,
    result,
  };
}

/** What the path names, the name in the body, and which fields the body has, but never their values. */
function usualSelector(request: Request): string {
  // Nothing of either before a route is found, or the body read.
  const { params, body } = request as { readonly params?: object; readonly body?: unknown };
  const named = Object.entries(params ?? {}).map(([field, value]) => `${field}=${String(value)}`);
  const fields = isPlain(body) ? Object.keys(body) : [];
  const name = isPlain(body) && typeof body['name'] === 'string' ? [`name=${body['name']}`] : [];
  return [...named, ...name, fields.slice(0, AUDIT_FIELDS_MAX).join(',')]
    .filter((part) => part !== '')
    .join(' ');
}

/** A JSON object; not the bytes of a body that could not be read. */
function isPlain(body: unknown): body is Readonly<Record<string, unknown>> {
  return Object.prototype.toString.call(body) === '[object Object]';
}

/** PostgreSQL stores no NUL, and an audit that cannot be stored would be lost. */
function kept(text: string): string {
  return text.slice(0, AUDIT_TEXT_LENGTH_MAX).replaceAll('\0', '');
}

function actorOf(request: Request): Pick<AuditEntry, 'actorType' | 'actorName'> {
  const caller = findCaller(request);
  if (caller?.via === 'token') return { actorType: 'PAT', actorName: caller.token.name };
  const name = caller?.user.name ?? NAMES.get(request);
  return name === undefined
    ? { actorType: 'UNKNOWN', actorName: '' }
    : { actorType: 'USER', actorName: name };
}

/** Where a request comes from, as the connection says. */
export function remoteIpOf({ socket }: Pick<Request, 'socket'>): string {
  return socket.remoteAddress ?? '';
}
