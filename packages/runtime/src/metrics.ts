import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from '@prometheus-io/client';

export interface Metrics {
  counter<Label extends string>(name: string, help: string, labels?: readonly Label[]): Counter<Label>;
  gauge<Label extends string>(name: string, help: string, labels?: readonly Label[]): Gauge<Label>;
  histogram<Label extends string>(
    name: string,
    help: string,
    buckets: number[],
    labels?: readonly Label[],
  ): Histogram<Label>;
  contentType: string;
  /** Everything in Prometheus' text format. */
  text(): Promise<string>;
}

/** A registry of its own per process, with the process's own figures. Names get the prefix `holdfast_`. */
export function createMetrics(): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const common = <Label extends string>(name: string, help: string, labels: readonly Label[] = []) => ({
    name: `holdfast_${name}`,
    help,
    labelNames: [...labels],
    registers: [registry],
  });
  return {
    counter: (name, help, labels) => new Counter(common(name, help, labels)),
    gauge: (name, help, labels) => new Gauge(common(name, help, labels)),
    histogram: (name, help, buckets, labels) => new Histogram({ ...common(name, help, labels), buckets }),
    contentType: registry.contentType,
    text: () => registry.metrics(),
  };
}
