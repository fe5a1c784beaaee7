/** What time has run out for. Read by the sweeper to see whether there is anything, and by the commands that end it. */

import { JobPhase, OrderState, lapseTimes } from '@pondhawk/jobs';
import type { ReadContext } from './job-queries.js';
import { activeUntilMs } from './liveness.js';
import type { JobRow, OrderRow } from './tables.js';

/** How long a cluster's part of a job waits for a scheduler to become active. */
export const NO_SCHEDULER_WAIT_MS_MAX = 30_000;
/** Orders that one command takes over; the next sweep goes on. */
const LAPSED_ORDERS_MAX = 500;
/** Jobs, and orders that nobody took, that one command ends: each takes a millisecond, in which nothing else is done. */
export const EXPIRED_PER_COMMAND_MAX = 16;

type Reading = Pick<ReadContext, 'db'>;

/** Jobs that have not ended by their deadline, by id; at most `EXPIRED_PER_COMMAND_MAX`. */
export async function loadOverdueJobs({ db }: Reading, atMs: number): Promise<JobRow[]> {
  return db
    .selectFrom('jobs')
    .selectAll()
    .where('phase', 'in', [JobPhase.Accepted, JobPhase.Running])
    .where('deadline_at_ms', '<=', atMs)
    .orderBy('id')
    .limit(EXPIRED_PER_COMMAND_MAX)
    .execute();
}

/** Orders that have waited too long for a scheduler, by id; at most `EXPIRED_PER_COMMAND_MAX`. */
export async function loadStrandedOrders({ db }: Reading, atMs: number): Promise<OrderRow[]> {
  return db
    .selectFrom('orders')
    .selectAll()
    .where('state', '=', OrderState.Waiting)
    .where('updated_at_ms', '<=', atMs - NO_SCHEDULER_WAIT_MS_MAX)
    .orderBy('id')
    .limit(EXPIRED_PER_COMMAND_MAX)
    .execute();
}

/** Orders whose attempt is over, by id; at most `LAPSED_ORDERS_MAX`. */
export async function loadLapsedOrders({ db }: Reading, atMs: number): Promise<OrderRow[]> {
  const times = lapseTimes(atMs);
  return db
    .selectFrom('orders')
    .leftJoin('schedulers', 'schedulers.id', 'orders.scheduler_id')
    .selectAll('orders')
    .where('orders.state', 'in', [OrderState.Queued, OrderState.Running])
    .where((eb) =>
      eb.or([
        eb('orders.state', '=', OrderState.Running).and(
          'orders.lease_until_ms',
          '<=',
          times.running,
        ),
        eb('orders.lease_until_ms', '<=', times.queuedAtActive),
        eb(activeUntilMs, '<=', atMs).and('orders.lease_until_ms', '<=', times.queuedAtInactive),
      ]),
    )
    .orderBy('orders.id')
    .limit(LAPSED_ORDERS_MAX)
    .execute();
}
