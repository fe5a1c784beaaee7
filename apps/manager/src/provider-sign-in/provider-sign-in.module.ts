import { Module } from '@nestjs/common';
import { Clock } from '@pondhawk/core';
import { Log } from '@pondhawk/observability';
import { ManagerConfig } from '../config/manager.config.js';
import { AuthKeySource } from '../identity/auth-key.js';
import { IdentityModule } from '../identity/identity.module.js';
import { IdentityStore } from '../identity/identity-store.js';
import { PasswordHasher } from '../identity/password.js';
import { SessionTokens } from '../identity/session-tokens.js';
import { SignInGate } from '../identity/sign-in-gate.js';
import { LedgerModule } from '../ledger-access/ledger.module.js';
import { IdentityReader, LedgerReader } from '../ledger/index.js';
import { LinkedUsers } from './linked-users.js';
import { OidcProviders } from './oidc-provider.js';
import { ProviderSignInController, ProviderSignInParts } from './provider-sign-in.controller.js';

/** Signing in by a provider that the rows of `/oauth` name. */
@Module({
  imports: [LedgerModule, IdentityModule],
  controllers: [ProviderSignInController],
  providers: [
    {
      provide: LinkedUsers,
      useFactory: (
        reader: IdentityReader,
        store: IdentityStore,
        hasher: PasswordHasher,
        { auth }: ManagerConfig,
      ) => new LinkedUsers(reader, store, hasher, auth.signUpByProvider),
      inject: [IdentityReader, IdentityStore, PasswordHasher, ManagerConfig],
    },
    {
      provide: ProviderSignInParts,
      useFactory: (...given: PartsGiven): ProviderSignInParts => {
        const [reader, users, sessions, keys, config, clock, log] = given;
        const providers = new OidcProviders(() => clock.monotonicMs());
        const gate = new SignInGate(clock);
        return { reader, users, sessions, keys, config, clock, log, providers, gate };
      },
      inject: [LedgerReader, LinkedUsers, SessionTokens, AuthKeySource, ManagerConfig, Clock, Log],
    },
  ],
})
export class ProviderSignInModule {}

type PartsGiven = [
  LedgerReader,
  LinkedUsers,
  SessionTokens,
  AuthKeySource,
  ManagerConfig,
  Clock,
  Log,
];
