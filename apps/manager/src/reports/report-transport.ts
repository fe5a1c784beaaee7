import type { INestApplication } from '@nestjs/common';
import {
  MANAGER_DURABLE,
  ReportPayload,
  reportsStream,
  reportsStreamSubject,
} from '@pondhawk/contracts';
import { BrokerConnection, JetStreamStrategy } from '@pondhawk/messaging';
import { Log } from '@pondhawk/observability';
import { BrokerStreams } from '../broker/broker-streams.js';
import { ManagerMetrics } from '../process-wide/manager-metrics.js';
import { REPORT_EARLY, REPORT_PATTERN } from './report.subscriber.js';

/** Connects the handler of reports to the broker; consuming begins with `startAllMicroservices`. */
export function connectReportTransport(app: INestApplication): void {
  const log = app.get(Log).child({ part: 'reports' });
  const streams = app.get(BrokerStreams);
  const metrics = app.get(ManagerMetrics);
  const strategy = new JetStreamStrategy({
    connection: app.get(BrokerConnection),
    durable: async () => {
      const epoch = await streams.ensure();
      return {
        stream: reportsStream(epoch),
        durable: MANAGER_DURABLE,
        filterSubject: reportsStreamSubject(epoch),
      };
    },
    payloadClasses: { [REPORT_PATTERN]: ReportPayload },
    typeOf: () => REPORT_PATTERN,
    onTerminated: ({ subject }, error) => {
      metrics.badMessages.increment();
      log.error('report given up', { err: error, subject });
    },
    onRetry: ({ subject, deliveryCount }, error) => {
      const level = error.code === REPORT_EARLY ? 'debug' : 'warn';
      log[level]('report will come again', { err: error, subject, deliveryCount });
    },
    onTrouble: (error) => {
      // The streams may be gone with a broker that lost its data; the next look makes them.
      streams.forget();
      log.debug('reports cannot be consumed now', { err: error });
    },
  });
  app.connectMicroservice({ strategy });
}
