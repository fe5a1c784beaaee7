import { Module } from '@nestjs/common';
import { BrokerModule } from '../broker/broker.module.js';
import { LedgerModule } from '../ledger-access/ledger.module.js';
import { ReportSubscriber } from './report.subscriber.js';

/** From schedulers' reports to the ledger. */
@Module({ imports: [LedgerModule, BrokerModule], controllers: [ReportSubscriber] })
export class ReportsModule {}
