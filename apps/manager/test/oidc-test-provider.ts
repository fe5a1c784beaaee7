/** A provider of sign-in for tests: OpenID Connect with PKCE, real keys, and faults to order. */

import { createHash, generateKeyPairSync, randomUUID, type KeyObject } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { sign } from 'jsonwebtoken';

/** Claims and header of the token that is to come, to be spoilt. */
export interface TokenDraft {
  readonly claims: Record<string, unknown>;
  alg: 'RS256' | 'none';
  key: KeyObject;
}

/** What it knows of its only client. */
export interface ClientFacts {
  readonly clientId: string;
  readonly clientSecret: string;
  readonly redirectUris: readonly string[];
}

interface Grant {
  readonly nonce: string;
  readonly challenge: string;
  readonly redirectUri: string;
}

const KID = 'k1';
const pair = (): KeyObject => generateKeyPairSync('rsa', { modulusLength: 2_048 }).privateKey;

/** Lives from `start` to `stop`. */
export class OidcTestProvider {
  /** Spoils each token. */
  spoil: (draft: TokenDraft) => void = () => undefined;
  /** Of whoever signs in. */
  person: Record<string, unknown> = { sub: 'subject-1', preferred_username: 'ada' };
  /** What it says of itself besides. */
  discovery: Record<string, unknown> = {};
  /** Every answer is 503. */
  isDown = false;
  readonly strangersKey = pair();
  private readonly key = pair();
  private readonly grants = new Map<string, Grant>();
  private readonly server: Server;

  private constructor(private readonly client: ClientFacts) {
    this.server = createServer((request, response) => {
      this.serve(request, response).catch((error: unknown) => response.destroy(error as Error));
    });
  }

  static async start(client: ClientFacts): Promise<OidcTestProvider> {
    const provider = new OidcTestProvider(client);
    await new Promise<void>((resolve) => provider.server.listen(0, '127.0.0.1', resolve));
    return provider;
  }

  get issuer(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', this.issuer);
    if (this.isDown) response.writeHead(503).end();
    else if (url.pathname === '/.well-known/openid-configuration') json(response, this.describe());
    else if (url.pathname === '/jwks') json(response, { keys: [this.publicKey()] });
    else if (url.pathname === '/authorize') this.authorize(url.searchParams, response);
    else if (url.pathname === '/token') await this.exchange(request, response);
    else response.writeHead(404).end();
  }

  private describe(): object {
    return {
      issuer: this.issuer,
      authorization_endpoint: `${this.issuer}/authorize`,
      token_endpoint: `${this.issuer}/token`,
      jwks_uri: `${this.issuer}/jwks`,
      response_types_supported: ['code'],
      id_token_signing_alg_values_supported: ['RS256'],
      ...this.discovery,
    };
  }

  private publicKey(): object {
    const { kty, n, e } = this.key.export({ format: 'jwk' });
    return { kty, n, e, kid: KID, use: 'sig', alg: 'RS256' };
  }

  /** Whoever comes is signed in already and agrees. */
  private authorize(asked: URLSearchParams, response: ServerResponse): void {
    const redirectUri = asked.get('redirect_uri') ?? '';
    const isKnown =
      asked.get('client_id') === this.client.clientId &&
      this.client.redirectUris.includes(redirectUri);
    // An address that is not on the list gets nothing, not even an error.
    if (!isKnown || asked.get('response_type') !== 'code') {
      response.writeHead(400).end('unknown client or redirect_uri');
      return;
    }
    const code = randomUUID();
    const challenge =
      asked.get('code_challenge_method') === 'S256' ? (asked.get('code_challenge') ?? '') : '';
    this.grants.set(code, { nonce: asked.get('nonce') ?? '', challenge, redirectUri });
    const back = new URL(redirectUri);
    back.searchParams.set('code', code);
    back.searchParams.set('state', asked.get('state') ?? '');
    response.writeHead(302, { location: back.href }).end();
  }

  private async exchange(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let text = '';
    for await (const chunk of request) text += String(chunk);
    const asked = new URLSearchParams(text);
    const code = asked.get('code') ?? '';
    const grant = this.grants.get(code);
    this.grants.delete(code); // Good for once.
    const { clientId, clientSecret } = this.client;
    const basic = Buffer.from(`${clientId}:${clientSecret}`).toString('base64');
    const proof = createHash('sha256').update(asked.get('code_verifier') ?? '');
    const isGood =
      request.headers.authorization === `Basic ${basic}` &&
      grant !== undefined &&
      grant.challenge === proof.digest('base64url') &&
      grant.redirectUri === asked.get('redirect_uri');
    if (!isGood) {
      json(response, { error: 'invalid_grant', error_description: 'secret-of-provider' }, 400);
      return;
    }
    json(response, { access_token: 'a', token_type: 'Bearer', id_token: this.token(grant.nonce) });
  }

  private token(nonce: string): string {
    const nowS = Math.floor(Date.now() / 1000);
    const times = { iat: nowS, exp: nowS + 60 };
    const claims = { iss: this.issuer, aud: this.client.clientId, nonce, ...times, ...this.person };
    const draft: TokenDraft = { claims, alg: 'RS256', key: this.key };
    this.spoil(draft);
    if (draft.alg === 'none') {
      const part = (value: object): string =>
        Buffer.from(JSON.stringify(value)).toString('base64url');
      return `${part({ alg: 'none', typ: 'JWT' })}.${part(draft.claims)}.`;
    }
    return sign(draft.claims, draft.key, { algorithm: 'RS256', keyid: KID });
  }
}

function json(response: ServerResponse, body: object, status = 200): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
