/**
 * Named places where a crash is worth trying: each lies right before or after a step that writes
 * or sends. Tests switch one on with `PONDHAWK_FAULT`; daemons refuse that outside a test build.
 */
export const FAULT_POINTS = [
  'peer.fill.row-written',
  'peer.fill.first-byte-asked',
  'peer.fill.piece-written',
  'peer.fill.piece-row',
  'peer.fill.last-piece',
  'peer.fill.completed',
  'peer.delete.marked',
  'peer.delete.aborted',
  'peer.delete.unlinked',
  'peer.delete.directory-synced',
  'peer.delete.rows-deleted',
  'peer.delete.announced',
  'manager.job.committed',
  'manager.outbox.read',
  'manager.outbox.published',
  'manager.outbox.marked-sent',
  'manager.report.received',
  'manager.report.committed',
  'manager.job.end-committed',
  'manager.job.answer-sent',
  'manager.job.cancel-committed',
  'manager.restore.prepared',
  'manager.restore.set-aside',
  'manager.restore.replaced',
  'scheduler.order.received',
  'scheduler.order.host-asked',
  'scheduler.order.host-verified',
  'scheduler.order.report-sent',
] as const;

/** One of the named places. */
export type FaultPoint = (typeof FAULT_POINTS)[number];

/** Told by the code that a named place has been reached; does nothing in production. */
export abstract class Faults {
  abstract reach(point: FaultPoint): void;
}

/** The faults of production: none. */
export class NoFaults extends Faults {
  reach(): void {
    // Nothing is switched on outside test builds.
  }
}
