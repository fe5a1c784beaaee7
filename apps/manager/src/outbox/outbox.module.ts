import { Module } from '@nestjs/common';
import { BrokerConnection, Publisher } from '@pondhawk/messaging';
import { Log } from '@pondhawk/observability';
import { BrokerStreams } from '../broker/broker-streams.js';
import { BrokerModule } from '../broker/broker.module.js';
import { LedgerModule } from '../ledger-access/ledger.module.js';
import { LedgerReader, LedgerWriter } from '../ledger/index.js';
import { ProcessEdge } from '../process-wide/process-edge.js';
import { NatsOrderPublisher } from './nats-order-publisher.js';
import { OrderPublisher } from './order-publisher.js';
import { OutboxRelay } from './outbox-relay.js';
import { WakeOnConnect } from './wake-on-connect.js';

/** From the ledger's outbox to the broker. */
@Module({
  imports: [LedgerModule, BrokerModule],
  providers: [
    {
      provide: OrderPublisher,
      useFactory: (streams: BrokerStreams, publisher: Publisher) =>
        new NatsOrderPublisher(streams, publisher),
      inject: [BrokerStreams, Publisher],
    },
    {
      provide: OutboxRelay,
      useFactory: (
        publisher: OrderPublisher,
        reader: LedgerReader,
        writer: LedgerWriter,
        edge: ProcessEdge,
        log: Log,
      ) => new OutboxRelay({ publisher, reader, writer, edge, log, random: Math.random }),
      inject: [OrderPublisher, LedgerReader, LedgerWriter, ProcessEdge, Log],
    },
    {
      provide: WakeOnConnect,
      useFactory: (connection: BrokerConnection, relay: OutboxRelay) =>
        new WakeOnConnect(connection, relay),
      inject: [BrokerConnection, OutboxRelay],
    },
  ],
})
export class OutboxModule {}
