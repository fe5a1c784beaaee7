/** Personal access tokens: how they look, what is kept of them, and what they reach. */

import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

/** What tokens may be good for. */
export const SCOPES = ['job', 'cluster', 'admin'] as const;
/** One of them. */
export type Scope = (typeof SCOPES)[number];
/** Scopes of a token that was made without any. */
export const DEFAULT_SCOPES: readonly Scope[] = ['job', 'cluster'];
/** What every token begins with; scanners for leaked secrets look for such words. */
export const TOKEN_PREFIX = 'pondhawk_pat_';

const LOOKUP_BYTES = 8;
const SECRET_BYTES = 32;
const TOKEN = /^pondhawk_pat_([0-9a-f]{16})_([A-Za-z0-9_-]{43})$/;

const CLUSTER_OBJECTS = new Set([
  'applications',
  'clusters',
  'peers',
  'persistent-cache-tasks',
  'scheduler-clusters',
  'scheduler-features',
  'schedulers',
  'seed-peer-clusters',
  'seed-peers',
]);

/** A token as it is shown, once, and what is kept of it. */
export interface MadeToken {
  readonly token: string;
  readonly lookup: string;
  readonly secretHash: string;
}

/** The scope that an object (first part of a path below `/api/v1`) needs. */
export function scopeOf(object: string): Scope {
  if (object === 'jobs') return 'job';
  return CLUSTER_OBJECTS.has(object) ? 'cluster' : 'admin';
}

/** Makes and checks tokens with a key of this installation: who reads the database alone can do neither. */
export class AccessTokens {
  constructor(private readonly key: Buffer) {}

  /** A new random token. */
  make(): MadeToken {
    const lookup = randomBytes(LOOKUP_BYTES).toString('hex');
    const secret = randomBytes(SECRET_BYTES).toString('base64url');
    return {
      token: `${TOKEN_PREFIX}${lookup}_${secret}`,
      lookup,
      secretHash: this.hash(secret).toString('hex'),
    };
  }

  /** The public half by which a token is found; undefined for what is no token of ours. */
  lookupOf(token: string): string | undefined {
    return TOKEN.exec(token)?.[1];
  }

  /** Whether the secret half is the one that was hashed, in constant time. */
  isProvedBy(secretHash: string, token: string): boolean {
    const secret = TOKEN.exec(token)?.[2] ?? '';
    const kept = Buffer.from(secretHash, 'hex');
    const shown = this.hash(secret);
    return kept.length === shown.length && timingSafeEqual(kept, shown);
  }

  private hash(secret: string): Buffer {
    return createHmac('sha256', this.key).update(secret).digest();
  }
}
