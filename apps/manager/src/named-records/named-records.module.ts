import { Module } from '@nestjs/common';
import { Clock } from '@pondhawk/core';
import { IdentityModule } from '../identity/identity.module.js';
import { LedgerModule } from '../ledger-access/ledger.module.js';
import { LedgerReader, LedgerWriter } from '../ledger/index.js';
import { ApplicationController } from './application.controller.js';
import { ConfigController } from './config.controller.js';
import { NamedRecordStore } from './named-record-store.js';
import { OauthController } from './oauth.controller.js';

/** Configs, applications and providers of sign-in over REST. */
@Module({
  imports: [LedgerModule, IdentityModule],
  controllers: [ConfigController, ApplicationController, OauthController],
  providers: [
    {
      provide: NamedRecordStore,
      useFactory: (reader: LedgerReader, writer: LedgerWriter, clock: Clock) =>
        new NamedRecordStore(reader, writer, clock),
      inject: [LedgerReader, LedgerWriter, Clock],
    },
  ],
})
export class NamedRecordsModule {}
