import {
  CANCEL_TYPE,
  CancelPayload,
  jobsStream,
  OrderPayload,
  ORDER_TYPES,
  parseJobSubject,
  schedulerDurable,
  schedulerJobsFilter,
} from '@pondhawk/contracts';
import { BrokerConnection, JetStreamStrategy, type DurableSpec } from '@pondhawk/messaging';
import { createLog, type Log } from '@pondhawk/observability';
import { ManagerLink } from '../registration/manager-link.js';
import type { SchedulerConfig } from '../scheduler.config.js';

/** Parts that exist before the application does, because its transport is built from them. */
export class OrderTransport {
  constructor(
    readonly log: Log,
    readonly link: ManagerLink,
    readonly connection: BrokerConnection,
    readonly strategy: JetStreamStrategy,
  ) {}
}

/** The transport that brings orders: this scheduler's durable, as soon as the manager has told its number. */
export function orderStrategy(config: SchedulerConfig): OrderTransport {
  const log = createLog({ level: config.log.level, component: 'scheduler' });
  const link = new ManagerLink({
    hostname: config.host.hostname,
    ip: config.host.ip,
    address: config.manager.address,
    clusterId: config.clusterId,
    intervalMs: config.keepAlive.intervalMs,
    log,
  });
  const connection = new BrokerConnection({
    url: config.nats.url,
    name: `scheduler ${config.host.hostname}`,
  });
  const strategy = new JetStreamStrategy({
    connection,
    durable: () => durableOf(link),
    payloadClasses: {
      ...Object.fromEntries(ORDER_TYPES.map((type) => [type, OrderPayload])),
      [CANCEL_TYPE]: CancelPayload,
    },
    typeOf: (subject) => parseJobSubject(subject)?.type ?? subject,
    // The manager fails the order by its deadline; what it sent is in the log.
    onTerminated: (message, error) =>
      log.error('an order was given up', { subject: message.subject, err: error }),
    onRetry: (message, error) =>
      log.warn('an order will be tried again', { subject: message.subject, err: error }),
    onTrouble: (error) => log.debug('no orders for the moment', { err: error }),
  });
  return new OrderTransport(log, link, connection, strategy);
}

/** The manager alone makes streams: it knows which epoch holds, and asking it is how a new one is learnt. */
async function durableOf(link: ManagerLink): Promise<DurableSpec> {
  const { epoch, clusterId, schedulerId } = await link.refreshBroker();
  return {
    stream: jobsStream(epoch),
    durable: schedulerDurable(schedulerId),
    filterSubject: schedulerJobsFilter({ epoch, clusterId, schedulerId }),
  };
}
