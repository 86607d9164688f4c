/**
 * The one metrics registry, the only home of prom-client. Metrics exist by their declaration alone:
 * a name, label or kind that is not declared does not compile.
 */
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { present } from '../kernel/assert.ts';
import { METRIC_DECLARATIONS } from './metric-declarations.ts';
import type { MetricDeclaration, MetricLabel, MetricNameOf } from './metric-declarations.ts';

type Labels<Name extends MetricNameOf<MetricDeclaration['kind']>> = Readonly<
  Record<MetricLabel<Name>, string>
>;

/** Where a pipeline counts what it does. */
export interface Metrics {
  /** Adds `value`, at least 0, to a counter. */
  add<Name extends MetricNameOf<'counter'>>(name: Name, labels: Labels<Name>, value: number): void;
  /** Sets a gauge. */
  set<Name extends MetricNameOf<'gauge'>>(name: Name, labels: Labels<Name>, value: number): void;
  /** Adds one observation to a histogram, in the metric's unit. */
  observe<Name extends MetricNameOf<'histogram'>>(
    name: Name,
    labels: Labels<Name>,
    value: number,
  ): void;
  /** Takes a table's series out, so that a dropped table leaves nothing behind. */
  forgetTable(table: string): void;
  /** Everything in the Prometheus text format. */
  render(): Promise<string>;
}

/** An empty registry; one per process. */
export function createMetrics(): Metrics {
  const registry = new Registry();
  const counters = new Map<string, Counter>();
  const gauges = new Map<string, Gauge>();
  const histograms = new Map<string, Histogram>();
  for (const [name, declaration] of Object.entries(METRIC_DECLARATIONS)) {
    const base = {
      name,
      help: declaration.help,
      labelNames: [...declaration.labels],
      registers: [registry],
    };
    if (declaration.kind === 'counter') counters.set(name, new Counter(base));
    else if (declaration.kind === 'gauge') gauges.set(name, new Gauge(base));
    else {
      const buckets =
        declaration.buckets === undefined ? {} : { buckets: [...declaration.buckets] };
      histograms.set(name, new Histogram({ ...base, ...buckets }));
    }
  }
  const tables = new Map<string, Map<string, () => void>>();
  const remember = (
    name: string,
    metric: Counter | Gauge | Histogram,
    labels: Readonly<Record<string, string>>,
  ): void => {
    const table = labels['table'];
    if (table === undefined) return;
    const series = tables.get(table) ?? new Map<string, () => void>();
    series.set(`${name} ${JSON.stringify(labels)}`, () => metric.remove(labels));
    tables.set(table, series);
  };
  return {
    add(name, labels, value) {
      const counter = present(counters.get(name), name);
      counter.inc(labels, value);
      remember(name, counter, labels);
    },
    set(name, labels, value) {
      const gauge = present(gauges.get(name), name);
      gauge.set(labels, value);
      remember(name, gauge, labels);
    },
    observe(name, labels, value) {
      const histogram = present(histograms.get(name), name);
      histogram.observe(labels, value);
      remember(name, histogram, labels);
    },
    forgetTable(table) {
      for (const remove of tables.get(table)?.values() ?? []) remove();
      tables.delete(table);
    },
    render: () => registry.metrics(),
  };
}
