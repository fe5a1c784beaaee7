import { Controller, Get, Param, Req, Res } from '@nestjs/common';
import { Clock, PondhawkError, toError } from '@pondhawk/core';
import { Log } from '@pondhawk/observability';
import type { Request, Response } from 'express';
import { ManagerConfig } from '../config/manager.config.js';
import { noteActor, noteSelector, remoteIpOf } from '../identity/audit-recorder.js';
import { AuthKeySource } from '../identity/auth-key.js';
import { OpenRoute } from '../identity/route-access.js';
import { setSessionCookie } from '../identity/session-cookie.js';
import { SessionTokens } from '../identity/session-tokens.js';
import { SignInGate } from '../identity/sign-in-gate.js';
import { LedgerReader } from '../ledger/index.js';
import { openSecret } from '../named-records/sealed-secret.js';
import { beginSignIn, takeSignIn } from './begun-sign-in.js';
import { LinkedUsers } from './linked-users.js';
import { OidcProviders, type ProviderFacts } from './oidc-provider.js';
import { BeginByProviderDocs, EndByProviderDocs } from './provider-sign-in.docs.js';
import { noProvider, notBegun } from './sign-in-errors.js';

/** What the routes are built of. */
export abstract class ProviderSignInParts {
  abstract readonly reader: LedgerReader;
  abstract readonly providers: OidcProviders;
  abstract readonly users: LinkedUsers;
  abstract readonly sessions: SessionTokens;
  abstract readonly keys: AuthKeySource;
  abstract readonly gate: SignInGate;
  abstract readonly config: ManagerConfig;
  abstract readonly clock: Clock;
  abstract readonly log: Log;
}

/** Signing in by a provider: a browser is sent there, and comes back. */
@Controller('api/v1/users/signin')
@OpenRoute()
export class ProviderSignInController {
  constructor(private readonly parts: ProviderSignInParts) {}

  @Get(':name')
  @BeginByProviderDocs()
  async begin(
    @Param('name') name: string,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const facts = await this.enter(name, request);
    const begun = beginSignIn(response, name, this.cookieFacts());
    response.redirect(302, await this.told(name, this.parts.providers.urlFor(facts, begun)));
  }

  @Get(':name/callback')
  @EndByProviderDocs()
  async end(
    @Param('name') name: string,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    noteSelector(request, `provider=${name}`);
    const facts = await this.enter(name, request);
    const begun = takeSignIn({ request, response }, name, this.cookieFacts());
    if (begun === undefined) throw notBegun();
    const claims = await this.told(name, this.parts.providers.whoCame(facts, begun, request));
    const user = await this.parts.users.of(claims);
    noteActor(request, user.name);
    setSessionCookie(response, this.parts.sessions.begin(user), this.cookieFacts());
    // To nowhere else, whatever the request says.
    response.redirect(302, '/');
  }

  /** The provider of this name, unless the caller comes too often. */
  private async enter(name: string, request: Request): Promise<ProviderFacts> {
    this.parts.gate.enter({ name: `provider ${name}`, remoteIp: remoteIpOf(request) });
    const rows = await this.parts.reader.listNamed('oauth provider');
    const row = rows.find((one) => one.name === name);
    if (row === undefined) throw noProvider(name);
    const { clientSecret, ...facts } = row.facts;
    const { seal } = this.parts.keys.keys;
    return { ...facts, name, clientSecret: openSecret(seal, clientSecret) };
  }

  /** What went wrong stands in the log; the browser is told less. */
  private async told<T>(provider: string, work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      const { code } = error instanceof PondhawkError ? error : { code: '' };
      this.parts.log.warn('sign-in by a provider failed', {
        ...{ provider, code, reason: toError(toError(error).cause ?? error).message },
      });
      throw error;
    }
  }

  private cookieFacts(): {
    readonly key: Buffer;
    readonly nowMs: number;
    readonly isSecure: boolean;
  } {
    const { keys, clock, config } = this.parts;
    return {
      ...{ key: keys.keys.seal, nowMs: clock.nowMs() },
      isSecure: config.auth.isCookieSecure,
    };
  }
}
