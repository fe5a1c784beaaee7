import { JOB_TYPES } from '@pondhawk/jobs';
import {
  Metrics,
  type CounterMetric,
  type GaugeMetric,
  type HistogramMetric,
} from '@pondhawk/observability';

const REPORT_STATUSES = [
  'recorded',
  'unknown-order',
  'stale-attempt',
  'stale-run',
  'job-ended',
  'known',
  'early',
] as const;
const AGED_KINDS = ['jobs', 'keys', 'hosts', 'purges', 'audits'] as const;
const OUTCOMES = ['complete', 'partial', 'failed', 'cancelled', 'timed_out'] as const;
const STATUS_CLASSES = ['1xx', '2xx', '3xx', '4xx', '5xx'] as const;
const COMMIT_BUCKETS_SECONDS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 5];
const DURATION_BUCKETS_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** One of the classes of HTTP statuses. */
export type StatusClass = (typeof STATUS_CLASSES)[number];

/** Everything the manager counts. */
export class ManagerMetrics {
  readonly registry = new Metrics();

  readonly jobsAccepted: CounterMetric<{ type: readonly (typeof JOB_TYPES)[number][] }> =
    this.registry.counter({
      name: 'pondhawk_manager_jobs_accepted_total',
      help: 'Jobs accepted.',
      labels: { type: JOB_TYPES },
    });

  readonly jobsEnded: CounterMetric<{
    type: readonly (typeof JOB_TYPES)[number][];
    outcome: typeof OUTCOMES;
  }> = this.registry.counter({
    name: 'pondhawk_manager_jobs_ended_total',
    help: 'Jobs ended, by how.',
    labels: { type: JOB_TYPES, outcome: OUTCOMES },
  });

  readonly jobSeconds: HistogramMetric<{ type: readonly (typeof JOB_TYPES)[number][] }> =
    this.registry.histogram({
      name: 'pondhawk_manager_job_duration_seconds',
      help: 'From the acceptance of a job to its end.',
      labels: { type: JOB_TYPES },
      buckets: DURATION_BUCKETS_SECONDS,
    });

  readonly commitSeconds: HistogramMetric<Readonly<Record<string, never>>> =
    this.registry.histogram({
      name: 'pondhawk_manager_ledger_commit_seconds',
      help: 'From the begin of a transaction of the ledger until it is durable.',
      buckets: COMMIT_BUCKETS_SECONDS,
    });

  readonly brokerResets: CounterMetric<Readonly<Record<string, never>>> = this.registry.counter({
    name: 'pondhawk_manager_broker_resets_total',
    help: 'Times that the broker had lost its streams, and all that was unfinished was sent again.',
  });

  readonly reports: CounterMetric<{ status: typeof REPORT_STATUSES }> = this.registry.counter({
    name: 'pondhawk_manager_reports_total',
    help: 'Reports of schedulers, by what became of them.',
    labels: { status: REPORT_STATUSES },
  });

  readonly eventListeners: GaugeMetric<Readonly<Record<string, never>>> = this.registry.gauge({
    name: 'pondhawk_manager_event_listeners',
    help: 'Clients that follow the events of a job now.',
  });

  readonly slowListeners: CounterMetric<Readonly<Record<string, never>>> = this.registry.counter({
    name: 'pondhawk_manager_slow_event_listeners_total',
    help: 'Clients that read events too slowly and were cut off.',
  });

  readonly agedRows: CounterMetric<{ kind: typeof AGED_KINDS }> = this.registry.counter({
    name: 'pondhawk_manager_aged_rows_removed_total',
    help: 'Jobs, idempotency keys, hosts, purge log entries and audits removed because of their age.',
    labels: { kind: AGED_KINDS },
  });

  readonly badMessages: CounterMetric<Readonly<Record<string, never>>> = this.registry.counter({
    name: 'pondhawk_manager_bad_messages_total',
    help: 'Messages of schedulers that could not be read and were given up.',
  });

  readonly requests: CounterMetric<{ status: typeof STATUS_CLASSES }> = this.registry.counter({
    name: 'pondhawk_manager_http_requests_total',
    help: 'REST requests answered, by class of status.',
    labels: { status: STATUS_CLASSES },
  });

  readonly requestSeconds: HistogramMetric<Readonly<Record<string, never>>> =
    this.registry.histogram({
      name: 'pondhawk_manager_http_request_duration_seconds',
      help: 'From the first byte of a REST request to the last of its answer, waits included.',
      buckets: DURATION_BUCKETS_SECONDS,
    });
}
