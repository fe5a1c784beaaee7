import { Module } from '@nestjs/common';
import { APP_GUARD, Reflector } from '@nestjs/core';
import { Clock } from '@pondhawk/core';
import { Log } from '@pondhawk/observability';
import { ManagerConfig } from '../config/manager.config.js';
import { LedgerModule } from '../ledger-access/ledger.module.js';
import { IdentityReader, LedgerWriter } from '../ledger/index.js';
import { AccessTokenController } from './access-token.controller.js';
import { AccessTokens } from './access-token.js';
import { AccessGuard } from './access.guard.js';
import { AuditController } from './audit.controller.js';
import { AuditRecorder } from './audit-recorder.js';
import { AuthKeySource } from './auth-key.js';
import { Authenticator } from './authenticator.js';
import { IdentityStore } from './identity-store.js';
import { OpenStreams } from './open-streams.js';
import { PasswordHasher } from './password.js';
import { RoleController } from './role.controller.js';
import { RootUser } from './root-user.js';
import { SessionController } from './session.controller.js';
import { SessionTokens } from './session-tokens.js';
import { SignInGate } from './sign-in-gate.js';
import { SignIn } from './sign-in.js';
import { TokenRateLimits } from './token-rate-limits.js';
import { UserAccounts } from './user-accounts.js';
import { UserController } from './user.controller.js';

const MINUTE_MS = 60_000;

/** Who may call what, and who did. Its guard stands before the routes of all modules. */
@Module({
  imports: [LedgerModule],
  controllers: [
    SessionController,
    UserController,
    RoleController,
    AccessTokenController,
    AuditController,
  ],
  providers: [
    { provide: PasswordHasher, useFactory: () => new PasswordHasher() },
    {
      provide: AuthKeySource,
      useFactory: (config: ManagerConfig) => AuthKeySource.load(config),
      // The ledger first: it locks the data folder that the key lies in.
      inject: [ManagerConfig, IdentityReader],
    },
    {
      provide: SessionTokens,
      useFactory: ({ keys }: AuthKeySource, clock: Clock, { auth }: ManagerConfig) =>
        new SessionTokens(keys.session, clock, {
          sessionMs: auth.sessionMinutes * MINUTE_MS,
          refreshMs: auth.refreshMinutes * MINUTE_MS,
        }),
      inject: [AuthKeySource, Clock, ManagerConfig],
    },
    {
      provide: AccessTokens,
      useFactory: ({ keys }: AuthKeySource) => new AccessTokens(keys.token),
      inject: [AuthKeySource],
    },
    {
      provide: IdentityStore,
      useFactory: (reader: IdentityReader, writer: LedgerWriter, clock: Clock) =>
        new IdentityStore(reader, writer, clock),
      inject: [IdentityReader, LedgerWriter, Clock],
    },
    {
      provide: OpenStreams,
      useFactory: (store: IdentityStore) => new OpenStreams(store),
      inject: [IdentityStore],
    },
    {
      provide: Authenticator,
      useFactory: (
        store: IdentityStore,
        sessions: SessionTokens,
        tokens: AccessTokens,
        clock: Clock,
      ) => new Authenticator(store, sessions, tokens, clock),
      inject: [IdentityStore, SessionTokens, AccessTokens, Clock],
    },
    {
      provide: SignIn,
      useFactory: (
        reader: IdentityReader,
        store: IdentityStore,
        hasher: PasswordHasher,
        sessions: SessionTokens,
        clock: Clock,
      ) => new SignIn(reader, store, hasher, sessions, new SignInGate(clock)),
      inject: [IdentityReader, IdentityStore, PasswordHasher, SessionTokens, Clock],
    },
    {
      provide: UserAccounts,
      useFactory: (reader: IdentityReader, store: IdentityStore, hasher: PasswordHasher) =>
        new UserAccounts(reader, store, hasher),
      inject: [IdentityReader, IdentityStore, PasswordHasher],
    },
    {
      provide: AuditRecorder,
      useFactory: (writer: LedgerWriter, clock: Clock, log: Log) =>
        new AuditRecorder(writer, clock, log),
      inject: [LedgerWriter, Clock, Log],
    },
    {
      provide: RootUser,
      useFactory: (
        reader: IdentityReader,
        writer: LedgerWriter,
        config: ManagerConfig,
        log: Log,
        clock: Clock,
      ) => new RootUser({ reader, writer, config, log, clock }),
      inject: [IdentityReader, LedgerWriter, ManagerConfig, Log, Clock],
    },
    {
      provide: APP_GUARD,
      useFactory: (
        reflector: Reflector,
        authenticator: Authenticator,
        store: IdentityStore,
        { auth }: ManagerConfig,
        clock: Clock,
      ) => {
        const limits = new TokenRateLimits(auth.tokenRequestsPerSecond, clock);
        return new AccessGuard(reflector, authenticator, store, limits, auth.allowedOrigins);
      },
      inject: [Reflector, Authenticator, IdentityStore, ManagerConfig, Clock],
    },
  ],
  exports: [AuthKeySource, IdentityStore, OpenStreams, PasswordHasher, SessionTokens],
})
export class IdentityModule {}
