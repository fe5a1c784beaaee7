import { Body, Controller, HttpCode, Param, Post, Req, Res } from '@nestjs/common';
import { Clock, PermissionDeniedError } from '@pondhawk/core';
import type { Request, Response } from 'express';
import { ManagerConfig } from '../config/manager.config.js';
import type { Json } from '../job-views/index.js';
import { GUEST_ROLE } from '../ledger/index.js';
import { IdPipe } from '../rest-edge/id.pipe.js';
import { strippedFieldsWarning } from '../rest-edge/warning-header.js';
import { noteActor, noteSelector, remoteIpOf } from './audit-recorder.js';
import { Authenticator } from './authenticator.js';
import { setCaller, type Caller } from './caller.js';
import { parseResetPassword, parseSignIn, parseSignUp } from './identity-requests.js';
import { IdentityDocs } from './identity.docs.js';
import { OpenRoute } from './route-access.js';
import { clearSessionCookie, setSessionCookie } from './session-cookie.js';
import type { SignedSession } from './session-tokens.js';
import { SignIn } from './sign-in.js';
import { UserAccounts } from './user-accounts.js';
import { userView } from './identity-views.js';

/** Signing in and out, over REST. Open to anybody: each route checks what it needs by itself. */
@Controller('api/v1/users')
@OpenRoute()
export class SessionController {
  constructor(
    private readonly signIn: SignIn,
    private readonly accounts: UserAccounts,
    private readonly authenticator: Authenticator,
    private readonly config: ManagerConfig,
    private readonly clock: Clock,
  ) {}

  @Post('signin')
  @HttpCode(200)
  @IdentityDocs({
    operationId: 'signIn',
    summary: 'Begin a session; sets the cookie jwt',
    answer: 'row',
    body: { name: 'string!', password: 'string!' },
    errors: [400, 401, 422, 429],
  })
  async begin(
    @Body() body: unknown,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<Json> {
    const { name, password } = parseSignIn(body);
    noteSelector(request, `name=${name}`);
    const session = await this.signIn.begin({ name, password, remoteIp: remoteIpOf(request) });
    noteActor(request, name);
    return this.answer(response, session);
  }

  @Post('refresh_token')
  @HttpCode(200)
  @IdentityDocs({
    operationId: 'refreshToken',
    summary: 'A new session for one that has not ended; the old one ends',
    answer: 'row',
    errors: [401],
  })
  async refresh(
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<Json> {
    const caller = await this.authenticate(request);
    if (caller.via !== 'session') {
      throw new PermissionDeniedError('PERMISSION_DENIED', 'A token cannot be refreshed.');
    }
    return this.answer(response, await this.signIn.renew(caller.session));
  }

  @Post('signout')
  @HttpCode(200)
  @IdentityDocs({
    operationId: 'signOut',
    summary: 'End the session and clear the cookie',
    answer: 'nothing',
    errors: [],
  })
  async end(
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<void> {
    clearSessionCookie(response);
    // Who has no session any more is signed out already.
    const caller = await this.authenticate(request).catch(() => undefined);
    if (caller?.via === 'session') await this.signIn.end(caller.session);
  }

  @Post('signup')
  @HttpCode(200)
  @IdentityDocs({
    operationId: 'signUp',
    summary:
      'A new user with the role guest; only for who may change users, unless auth.signUp is on',
    answer: 'row',
    body: {
      ...{ name: 'string!', password: 'string!', email: 'string!' },
      ...{ phone: 'string', avatar: 'string', location: 'string', bio: 'string' },
    },
    errors: [400, 401, 409, 422, 429],
  })
  async signUp(
    @Body() body: unknown,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<Json> {
    if (!this.config.auth.signUp) {
      const caller = await this.authenticate(request);
      await this.accounts.requireMay(caller, 'users', '*');
    }
    const { strippedFields, ...user } = parseSignUp(body);
    noteSelector(request, `name=${user.name}`);
    const created = await this.accounts.create({ ...user, roles: [GUEST_ROLE] });
    const warning = strippedFieldsWarning(strippedFields);
    if (warning !== undefined) response.setHeader('Warning', warning);
    return userView(created);
  }

  @Post(':id/reset_password')
  @HttpCode(200)
  @IdentityDocs({
    operationId: 'resetPassword',
    summary: 'A new password for who knows the old one; ends all sessions of the user',
    answer: 'nothing',
    body: { old_password: 'string!', new_password: 'string!' },
    errors: [400, 401, 422, 429],
  })
  async resetPassword(
    @Param('id', IdPipe) userId: number,
    @Body() body: unknown,
    @Req() request: Request,
  ): Promise<void> {
    const { oldPassword, newPassword } = parseResetPassword(body);
    noteSelector(request, `id=${userId}`);
    const user = await this.signIn.resetPassword(userId, {
      ...{ old: oldPassword, new: newPassword, remoteIp: remoteIpOf(request) },
    });
    noteActor(request, user.name);
  }

  private async authenticate(request: Request): Promise<Caller> {
    const caller = await this.authenticator.authenticate(request);
    setCaller(request, caller);
    return caller;
  }

  private answer(response: Response, session: SignedSession): Json {
    setSessionCookie(response, session, {
      nowMs: this.clock.nowMs(),
      isSecure: this.config.auth.isCookieSecure,
    });
    return { token: session.token, expire: new Date(session.expiresAtMs).toISOString() };
  }
}
