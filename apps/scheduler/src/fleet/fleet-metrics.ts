import type { Metrics } from '@pondhawk/observability';
import { GRANT_REFUSALS } from '@pondhawk/purge';
import type { Fleet } from './fleet.js';

const MS_PER_SECOND = 1_000;

/** What is seen from outside of a scheduler's hosts, and of the leases it grants them. */
export function registerFleetMetrics(
  metrics: Metrics,
  { connections, holders, views, foreign }: Fleet,
): void {
  metrics.observedGauge(
    { name: 'pondhawk_scheduler_connections', help: 'Open streams of hosts.' },
    () => connections.count,
  );
  metrics.observedGauge(
    {
      name: 'pondhawk_scheduler_holdings',
      help: 'Pairs of host and task remembered of the hosts that this scheduler is home of.',
    },
    () => holders.size,
  );
  metrics.observedGauge(
    {
      name: 'pondhawk_scheduler_view_age_seconds',
      help: 'Since the present view of the ledger was asked for; infinite while there is none.',
    },
    () => (views.ageMs ?? Infinity) / MS_PER_SECOND,
  );
  metrics.observedCounter(
    {
      name: 'pondhawk_scheduler_views_total',
      help: 'Views of the ledger that were taken, and questions for one that failed.',
      labels: { outcome: ['taken', 'failed'] },
    },
    ({ outcome }) => views.counts[outcome],
  );
  metrics.observedCounter(
    { name: 'pondhawk_scheduler_leases_total', help: 'Leases granted to hosts.' },
    () => connections.leases.granted,
  );
  metrics.observedCounter(
    {
      name: 'pondhawk_scheduler_lease_refusals_total',
      help: 'Requests of hosts for a lease that were refused, by reason.',
      labels: { reason: GRANT_REFUSALS },
    },
    ({ reason }) => connections.leases.refused.get(reason) ?? 0,
  );
  metrics.observedCounter(
    {
      name: 'pondhawk_scheduler_silent_streams_total',
      help: 'Streams that were closed because their hosts asked for no lease.',
    },
    () => connections.silentCount,
  );
  metrics.observedCounter(
    {
      name: 'pondhawk_scheduler_foreign_purges_total',
      help: 'Calls about purges to daemons that know no purge log, beside those of orders.',
      labels: { outcome: ['repeated', 'caught_up', 'failed', 'still_held'] },
    },
    ({ outcome }) => foreign.counts[outcome],
  );
}
