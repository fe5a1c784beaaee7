import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';

/** The bounded sets of values a metric's labels may take; never ids, hosts or free text. */
export type LabelSets = Readonly<Record<string, readonly string[]>>;

/** One value per label, each out of its set. */
export type Labels<L extends LabelSets> = { readonly [K in keyof L]: L[K][number] };

/** Labels, absent for a metric without any. */
type LabelArguments<L extends LabelSets> = string extends keyof L ? [] : [labels: Labels<L>];

/** What every metric says of itself. */
export interface MetricOptions<L extends LabelSets> {
  /** As `peer_piece_fetch_duration_seconds`. */
  readonly name: string;
  readonly help: string;
  readonly labels?: L;
}

/** A number that only rises. */
export interface CounterMetric<L extends LabelSets> {
  /** Adds one. */
  increment(...labels: LabelArguments<L>): void;
  /** Adds `amount` ≥ 0. */
  add(amount: number, ...labels: LabelArguments<L>): void;
}

/** A number that rises and falls. */
export interface GaugeMetric<L extends LabelSets> {
  set(value: number, ...labels: LabelArguments<L>): void;
}

/** A distribution of observed values. */
export interface HistogramMetric<L extends LabelSets> {
  observe(value: number, ...labels: LabelArguments<L>): void;
}

/** The label sets of a metric without labels. */
export type NoLabels = Readonly<Record<string, never>>;

/** The metrics of one daemon: a registry of its own, with Node's default metrics once `collectDefaults` ran. */
export class Metrics {
  private readonly registry = new Registry();

  /** Adds Node's own metrics (memory, event loop, GC). */
  collectDefaults(): void {
    collectDefaultMetrics({ register: this.registry });
  }

  /** Registers a counter. All label combinations start at 0, so that a rate over them is never missing. */
  counter<const L extends LabelSets = NoLabels>(options: MetricOptions<L>): CounterMetric<L> {
    const counter = new Counter({ ...this.describe(options) });
    for (const labels of combinations(options.labels ?? {})) counter.inc(labels, 0);
    return {
      increment: (...[labels]) => counter.inc(labels ?? {}, 1),
      add: (amount, ...[labels]) => counter.inc(labels ?? {}, amount),
    };
  }

  /** Registers a gauge. */
  gauge<const L extends LabelSets = NoLabels>(options: MetricOptions<L>): GaugeMetric<L> {
    const gauge = new Gauge(this.describe(options));
    return { set: (value, ...[labels]) => gauge.set(labels ?? {}, value) };
  }

  /** Registers a gauge without labels that is read when metrics are asked for. */
  observedGauge(options: MetricOptions<NoLabels>, read: () => number | Promise<number>): void {
    new Gauge({
      ...this.describe(options),
      async collect() {
        this.set(await read());
      },
    });
  }

  /** Registers a counter whose owner counts by itself: it is read when metrics are asked for. */
  observedCounter<const L extends LabelSets = NoLabels>(
    options: MetricOptions<L>,
    read: (...labels: LabelArguments<L>) => number,
  ): void {
    new Counter({
      ...this.describe(options),
      collect() {
        this.reset();
        for (const labels of combinations(options.labels ?? {}))
          this.inc(labels, read(...([labels] as unknown as LabelArguments<L>)));
      },
    });
  }

  /** Registers a histogram with these upper bounds, ascending. */
  histogram<const L extends LabelSets = NoLabels>(
    options: MetricOptions<L> & { readonly buckets: readonly number[] },
  ): HistogramMetric<L> {
    const histogram = new Histogram({
      ...this.describe(options),
      buckets: [...options.buckets],
    });
    return { observe: (value, ...[labels]) => histogram.observe(labels ?? {}, value) };
  }

  /** Content type of `render`'s text. */
  get contentType(): string {
    return this.registry.contentType;
  }

  /** All metrics in the Prometheus text format. */
  async render(): Promise<string> {
    return this.registry.metrics();
  }

  private describe<L extends LabelSets>({
    name,
    help,
    labels,
  }: MetricOptions<L>): {
    name: string;
    help: string;
    labelNames: string[];
    registers: Registry[];
  } {
    return { name, help, labelNames: Object.keys(labels ?? {}), registers: [this.registry] };
  }
}

function combinations(sets: LabelSets): Record<string, string>[] {
  let all: Record<string, string>[] = [{}];
  for (const [label, values] of Object.entries(sets)) {
    all = all.flatMap((labels) => values.map((value) => ({ ...labels, [label]: value })));
  }
  return all;
}
