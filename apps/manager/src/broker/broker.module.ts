import { Module } from '@nestjs/common';
import { Clock } from '@pondhawk/core';
import { BrokerConnection, Publisher } from '@pondhawk/messaging';
import { Log } from '@pondhawk/observability';
import { ManagerConfig } from '../config/manager.config.js';
import { LedgerModule } from '../ledger-access/ledger.module.js';
import { LedgerReader, LedgerWriter } from '../ledger/index.js';
import { ManagerMetrics } from '../process-wide/manager-metrics.js';
import { BrokerLink } from './broker-link.js';
import { BrokerStreams } from './broker-streams.js';

/** The connection to NATS and the streams on it. */
@Module({
  imports: [LedgerModule],
  providers: [
    {
      provide: BrokerConnection,
      useFactory: ({ nats }: ManagerConfig) =>
        new BrokerConnection({ url: nats.url, name: 'pondhawk-manager' }),
      inject: [ManagerConfig],
    },
    {
      provide: BrokerStreams,
      // Composition root: the parts object has as many fields.
      // eslint-disable-next-line max-params
      useFactory: (
        connection: BrokerConnection,
        reader: LedgerReader,
        writer: LedgerWriter,
        clock: Clock,
        log: Log,
        metrics: ManagerMetrics,
      ) =>
        new BrokerStreams({
          ...{ connection, reader, writer, clock, log },
          onLost: () => metrics.brokerResets.increment(),
        }),
      inject: [BrokerConnection, LedgerReader, LedgerWriter, Clock, Log, ManagerMetrics],
    },
    {
      provide: Publisher,
      useFactory: (connection: BrokerConnection) => new Publisher(connection),
      inject: [BrokerConnection],
    },
    {
      provide: BrokerLink,
      useFactory: (connection: BrokerConnection, streams: BrokerStreams, log: Log) =>
        new BrokerLink(connection, streams, log),
      inject: [BrokerConnection, BrokerStreams, Log],
    },
  ],
  exports: [BrokerConnection, BrokerStreams, Publisher],
})
export class BrokerModule {}
