/** Providers of sign-in by OpenID Connect: authorization code with PKCE. */

import { createHash } from 'node:crypto';
import { errnoOf } from '@pondhawk/core';
import type { IncomingMessage } from 'node:http';
import { Issuer, custom, errors, type Client, type IdTokenClaims } from 'openid-client';
import type { BegunSignIn } from './begun-sign-in.js';
import { notProved, providerDown, unusableProvider } from './sign-in-errors.js';

/** A provider as its row says, its secret opened. */
export interface ProviderFacts {
  readonly name: string;
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly redirectUrl: string;
}

/** Longest wait for a provider. */
const ANSWER_MS_MAX = 5_000;
/** Clocks of a provider and of ours may differ by this, in seconds. */
const CLOCK_TOLERANCE_S = 5;
/** What a provider says of itself is asked for again after this. */
const DISCOVERY_AGE_MS_MAX = 10 * 60_000;
/** Providers that are remembered; the rows there are. */
const DISCOVERIES_MAX = 100;
const GOOGLE = 'https://accounts.google.com';
const LOOPBACK = new Set(['127.0.0.1', '[::1]', 'localhost']);

custom.setHttpOptionsDefaults({ timeout: ANSWER_MS_MAX });

interface Discovery {
  readonly issuer: Promise<Issuer>;
  readonly endsAtMs: number;
}

/** Where a provider sends browsers, and who those are that come back. */
export class OidcProviders {
  /** By issuer; a failed one is forgotten at once. */
  private readonly discoveries = new Map<string, Discovery>();

  constructor(private readonly monotonicMs: () => number) {}

  /** @throws ConflictError (`SIGN_IN_PROVIDER_UNUSABLE`), UnavailableError (`SIGN_IN_PROVIDER_DOWN`). */
  async urlFor(facts: ProviderFacts, begun: BegunSignIn): Promise<string> {
    const client = await this.clientOf(facts);
    return client.authorizationUrl({
      ...{ scope: 'openid email profile', state: begun.state, nonce: begun.nonce },
      code_challenge: createHash('sha256').update(begun.verifier).digest('base64url'),
      code_challenge_method: 'S256',
    });
  }

  /**
   * Who came back: state, nonce, issuer, audience, signature and expiry are right, and the code was good.
   *
   * @throws UnauthenticatedError (`SIGN_IN_NOT_PROVED`), and as `urlFor`.
   */
  async whoCame(
    facts: ProviderFacts,
    begun: BegunSignIn,
    request: IncomingMessage,
  ): Promise<IdTokenClaims> {
    const client = await this.clientOf(facts);
    try {
      const parameters = client.callbackParams(request);
      const tokens = await client.callback(facts.redirectUrl, parameters, {
        ...{ response_type: 'code', state: begun.state, nonce: begun.nonce },
        code_verifier: begun.verifier,
      });
      return tokens.claims();
    } catch (error) {
      throw isDown(error) ? providerDown(error) : notProved(error);
    }
  }

  private async clientOf(facts: ProviderFacts): Promise<Client> {
    const issuerUrl = issuerOf(facts);
    if (facts.redirectUrl === '') throw unusableProvider('redirect_url', 'is not given');
    const issuer = await this.discover(issuerUrl);
    const client = new issuer.Client({
      ...{ client_id: facts.clientId, client_secret: facts.clientSecret },
      ...{ redirect_uris: [facts.redirectUrl], response_types: ['code'] },
      // Any other, "none" above all, is refused.
      id_token_signed_response_alg: 'RS256',
    });
    client[custom.clock_tolerance] = CLOCK_TOLERANCE_S;
    return client;
  }

  private async discover(url: string): Promise<Issuer> {
    const known = this.discoveries.get(url);
    if (known !== undefined && known.endsAtMs > this.monotonicMs()) return known.issuer;
    const issuer = loadIssuer(url);
    const [oldest] = this.discoveries.keys();
    if (this.discoveries.size >= DISCOVERIES_MAX && oldest !== undefined) {
      this.discoveries.delete(oldest);
    }
    this.discoveries.set(url, { issuer, endsAtMs: this.monotonicMs() + DISCOVERY_AGE_MS_MAX });
    try {
      return await issuer;
    } catch (error) {
      this.discoveries.delete(url);
      throw error;
    }
  }
}

/** The row's issuer; of Google, which is one, it need not be said, and GitHub has none. */
function issuerOf({ name, issuer }: ProviderFacts): string {
  if (issuer === '' && name === 'google') return GOOGLE;
  if (issuer === '') throw unusableProvider('issuer', 'is not given; only OpenID Connect is known');
  const isPlain = URL.canParse(issuer) && isBare(new URL(issuer));
  if (!isPlain || !isSafe(issuer)) {
    throw unusableProvider('issuer', 'must be an https URL without password and query');
  }
  return issuer.replace(/\/$/, '');
}

async function loadIssuer(url: string): Promise<Issuer> {
  const issuer = await Issuer.discover(url).catch((error: unknown) => {
    throw providerDown(error);
  });
  const { metadata } = issuer;
  if (metadata.issuer.replace(/\/$/, '') !== url) {
    throw unusableProvider('issuer', 'calls itself something else');
  }
  for (const field of ['authorization_endpoint', 'token_endpoint', 'jwks_uri'] as const) {
    if (!isSafe(metadata[field] ?? '')) throw unusableProvider(field, 'is not an https URL');
  }
  return issuer;
}

function isBare({ username, password, search, hash }: URL): boolean {
  return [username, password, search, hash].every((part) => part === '');
}

/** Over TLS, or on this machine. */
function isSafe(url: string): boolean {
  if (!URL.canParse(url)) return false;
  const { protocol, hostname } = new URL(url);
  return protocol === 'https:' || (protocol === 'http:' && LOOPBACK.has(hostname));
}

/** Rather than an answer that proves nothing. */
function isDown(error: unknown): boolean {
  if (errnoOf(error) !== undefined) return true;
  if (error instanceof errors.OPError) return (error.response?.statusCode ?? 0) >= 500;
  return error instanceof errors.RPError && /timed out/.test(error.message);
}
