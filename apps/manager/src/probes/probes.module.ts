import { Module } from '@nestjs/common';
import { BrokerConnection } from '@pondhawk/messaging';
import { BrokerModule } from '../broker/broker.module.js';
import { LedgerModule } from '../ledger-access/ledger.module.js';
import { LedgerReader } from '../ledger/index.js';
import { FrontController } from './front.controller.js';
import { ProbeController } from './probe.controller.js';
import { PurgeLogController } from './purge-log.controller.js';
import { Readiness } from './readiness.js';

/** Health, readiness and the front page. */
@Module({
  imports: [LedgerModule, BrokerModule],
  controllers: [FrontController, ProbeController, PurgeLogController],
  providers: [
    {
      provide: Readiness,
      useFactory: (reader: LedgerReader, connection: BrokerConnection) =>
        new Readiness(reader, connection),
      inject: [LedgerReader, BrokerConnection],
    },
  ],
})
export class ProbesModule {}
