import type { CounterMetric, Metrics } from '@pondhawk/observability';
import type { CopyStore } from '../copies/index.js';
import type { GcReport } from '../gc/index.js';
import type { LeaseGate } from '../lease/index.js';
import { PARENT_REFUSALS, type ParentRefusal } from '../parents/index.js';
import { PIECE_OUTCOMES, type PieceOutcome, type PieceServer } from '../piece-serving/index.js';

const REFUSALS = [
  'NO_VIEW',
  'VIEW_OLD',
  'NOT_ENROLLED',
  'OTHER_RUN',
  'LOG_BEHIND',
  'other',
] as const;

/** What this daemon counts of serving, storing and collecting. */
export class PeerMetrics {
  private readonly sentBytes: CounterMetric<Readonly<Record<string, never>>>;
  private readonly answers: CounterMetric<{ readonly outcome: typeof PIECE_OUTCOMES }>;
  private readonly collected: CounterMetric<{ readonly reason: readonly ['expired', 'evicted'] }>;
  private readonly collectedBytes: CounterMetric<Readonly<Record<string, never>>>;
  private readonly leases: CounterMetric<Readonly<Record<string, never>>>;
  private readonly leasesLost: CounterMetric<Readonly<Record<string, never>>>;
  private readonly leaseRefusals: CounterMetric<{ readonly reason: typeof REFUSALS }>;
  private readonly passThroughs: CounterMetric<Readonly<Record<string, never>>>;
  private readonly abortedFills: CounterMetric<Readonly<Record<string, never>>>;
  private readonly parentRefusals: CounterMetric<{ readonly reason: typeof PARENT_REFUSALS }>;

  constructor(private readonly metrics: Metrics) {
    this.sentBytes = metrics.counter({
      name: 'pondhawk_peer_upload_bytes_total',
      help: 'Bytes of pieces sent to other peers.',
    });
    this.answers = metrics.counter({
      name: 'pondhawk_peer_piece_requests_total',
      help: 'Piece requests of other peers by outcome.',
      labels: { outcome: PIECE_OUTCOMES },
    });
    this.collected = metrics.counter({
      name: 'pondhawk_peer_gc_copies_total',
      help: 'Copies deleted to make room, by reason.',
      labels: { reason: ['expired', 'evicted'] },
    });
    this.collectedBytes = metrics.counter({
      name: 'pondhawk_peer_gc_bytes_total',
      help: 'Bytes of copies deleted to make room.',
    });
    this.leases = metrics.counter({
      name: 'pondhawk_peer_leases_total',
      help: 'Leases granted to this host.',
    });
    this.leasesLost = metrics.counter({
      name: 'pondhawk_peer_leases_lost_total',
      help: 'Leases that ended before another came.',
    });
    this.leaseRefusals = metrics.counter({
      name: 'pondhawk_peer_lease_refusals_total',
      help: 'Requests for a lease that the scheduler refused, by reason.',
      labels: { reason: REFUSALS },
    });
    this.passThroughs = metrics.counter({
      name: 'pondhawk_peer_pass_throughs_total',
      help: 'Downloads that passed through from the origin for want of a lease.',
    });
    this.abortedFills = metrics.counter({
      name: 'pondhawk_peer_fills_aborted_total',
      help: 'Fills ended because their copy was deleted.',
    });
    this.parentRefusals = metrics.counter({
      name: 'pondhawk_peer_parent_refusals_total',
      help: 'Pieces that a parent would not send at the moment, by reason.',
      labels: { reason: PARENT_REFUSALS },
    });
  }

  /** Bytes of a piece went to the kernel. */
  pieceBytesSent(bytes: number): void {
    this.sentBytes.add(bytes);
  }

  /** A piece request was answered. */
  pieceAnswered(outcome: PieceOutcome): void {
    this.answers.increment({ outcome });
  }

  /** A collection ended. */
  copiesCollected(report: GcReport): void {
    this.collected.add(report.expired, { reason: 'expired' });
    this.collected.add(report.evicted, { reason: 'evicted' });
    this.collectedBytes.add(report.freedBytes);
  }

  /** A lease was granted. */
  leaseGranted(): void {
    this.leases.increment();
  }

  /** A lease was refused. */
  leaseRefused(raw: string): void {
    const reason = REFUSALS.find((known) => known === raw) ?? 'other';
    this.leaseRefusals.increment({ reason });
  }

  /** A download passes through. */
  passedThrough(): void {
    this.passThroughs.increment();
  }

  /** A fill has ended with its copy. */
  fillAborted(): void {
    this.abortedFills.increment();
  }

  /** A parent would not send a piece at the moment. */
  parentRefused(reason: ParentRefusal): void {
    this.parentRefusals.increment({ reason });
  }

  /** Shows whether there is a lease, read when metrics are asked for. */
  observeLease(gate: LeaseGate): void {
    this.metrics.observedGauge(
      { name: 'pondhawk_peer_lease_valid', help: '1 while this host has a lease, else 0.' },
      () => (gate.leaseLeftMs > 0 ? 1 : 0),
    );
    this.metrics.observedGauge(
      {
        name: 'pondhawk_peer_lease_waived',
        help: '1 while this host serves on when it has no lease, as its cluster allows it, else 0.',
      },
      () => (gate.isWaived ? 1 : 0),
    );
    gate.onClosed(() => this.leasesLost.increment()); // And with it the right to serve.
  }

  /** Shows what is stored and who is connected, read when metrics are asked for. */
  observe({ copies, pieces }: { copies: CopyStore; pieces: PieceServer }): void {
    this.metrics.observedGauge(
      { name: 'pondhawk_peer_copies', help: 'Copies on this host, complete or being filled.' },
      () => copies.countCopies(),
    );
    this.metrics.observedGauge(
      { name: 'pondhawk_peer_stored_bytes', help: 'Bytes of whole pieces on disk.' },
      () => copies.storedBytes(),
    );
    this.metrics.observedGauge(
      { name: 'pondhawk_peer_upload_connections', help: 'Open connections of other peers.' },
      () => pieces.connectionCount,
    );
  }
}
