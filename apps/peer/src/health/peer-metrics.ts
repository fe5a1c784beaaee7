import type { CounterMetric, Metrics } from '@pondhawk/observability';
import type { CopyStore } from '../copies/index.js';
import type { GcReport } from '../gc/index.js';
import type { PieceServer } from '../piece-serving/index.js';

const OUTCOMES = ['served', 'refused', 'corrupt', 'purged'] as const;

/** What this daemon counts of serving, storing and collecting. */
export class PeerMetrics {
  private readonly sentBytes: CounterMetric<Readonly<Record<string, never>>>;
  private readonly answers: CounterMetric<{ readonly outcome: typeof OUTCOMES }>;
  private readonly collected: CounterMetric<{ readonly reason: readonly ['expired', 'evicted'] }>;
  private readonly collectedBytes: CounterMetric<Readonly<Record<string, never>>>;

  constructor(private readonly metrics: Metrics) {
    this.sentBytes = metrics.counter({
      name: 'pondhawk_peer_upload_bytes_total',
      help: 'Bytes of pieces sent to other peers.',
    });
    this.answers = metrics.counter({
      name: 'pondhawk_peer_piece_requests_total',
      help: 'Piece requests of other peers by outcome.',
      labels: { outcome: OUTCOMES },
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
  }

  /** Bytes of a piece went to the kernel. */
  pieceBytesSent(bytes: number): void {
    this.sentBytes.add(bytes);
  }

  /** A piece request was answered. */
  pieceAnswered(outcome: (typeof OUTCOMES)[number]): void {
    this.answers.increment({ outcome });
  }

  /** A collection ended. */
  copiesCollected(report: GcReport): void {
    this.collected.add(report.expired, { reason: 'expired' });
    this.collected.add(report.evicted, { reason: 'evicted' });
    this.collectedBytes.add(report.freedBytes);
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
