/**
 * One scheduler's order: `blocked` until jobs that work on the same tasks have ended, `waiting` for a scheduler to become active, `queued` for it in the outbox
 * or on its way, `running` once it has reported, then `done` (its last report is in), `failed`
 * (nobody could carry it out), `expired` (the job's deadline came first) or `cancelled` (nobody had
 * begun it when the job was cancelled, or nobody has answered since). When the lease of its
 * attempt runs out it is taken over: queued again, for another scheduler, or waiting for one.
 */
export const OrderState = {
  Blocked: 'blocked',
  Waiting: 'waiting',
  Queued: 'queued',
  Running: 'running',
  Done: 'done',
  Failed: 'failed',
  Expired: 'expired',
  Cancelled: 'cancelled',
} as const;
/** One of the states. */
export type OrderState = (typeof OrderState)[keyof typeof OrderState];

/**
 * What happens to an order. `assign` gives the next attempt to a scheduler, `strand` leaves it
 * without one; `finish` is its last report, `close` the end of its job before that, `fail` a report
 * that it could not be carried out; `cancel` ends what nobody is at work on.
 */
export type OrderEvent =
  'assign' | 'strand' | 'report' | 'finish' | 'close' | 'fail' | 'expire' | 'cancel';

const TRANSITIONS: Record<OrderState, Partial<Record<OrderEvent, OrderState>>> = {
  blocked: {
    assign: 'queued',
    strand: 'waiting',
    close: 'done',
    fail: 'failed',
    expire: 'expired',
    cancel: 'cancelled',
  },
  waiting: {
    assign: 'queued',
    close: 'done',
    fail: 'failed',
    expire: 'expired',
    cancel: 'cancelled',
  },
  queued: {
    assign: 'queued',
    strand: 'waiting',
    report: 'running',
    finish: 'done',
    close: 'done',
    fail: 'failed',
    expire: 'expired',
    cancel: 'cancelled',
  },
  running: {
    assign: 'queued',
    strand: 'waiting',
    report: 'running',
    finish: 'done',
    close: 'done',
    fail: 'failed',
    expire: 'expired',
    cancel: 'cancelled',
  },
  // Final: what comes later or twice is dropped.
  done: {},
  failed: {},
  expired: {},
  cancelled: {},
};

/** All states in which nobody reports any more. */
export const ORDER_STATES_ENDED: readonly OrderState[] = ['done', 'failed', 'expired', 'cancelled'];

/** Every event that moves an order out of some state. */
export const ORDER_EVENTS: readonly OrderEvent[] = [
  ...new Set(Object.values(TRANSITIONS).flatMap((row) => Object.keys(row) as OrderEvent[])),
];

/** The state after an event; an event that the state does not know leaves it as it is. */
export function nextOrderState(state: OrderState, event: OrderEvent): OrderState {
  return TRANSITIONS[state][event] ?? state;
}

/** Whether no report changes the order any more. */
export function isOrderEnded(state: OrderState): boolean {
  return ORDER_STATES_ENDED.includes(state);
}
