import type { DoorCounts } from './doors.ts';
import type { PaymentNotice, RefusalCode } from '@holdfast/core';

/** Upper edges of the duration histogram, milliseconds. */
const bucketEdgesMs = [1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000];

/** Counts one route's requests. Plain numbers, added up when somebody asks: a metrics library costs 1 to 2 us here. */
export interface RouteMeter {
  count(status: number, tookMs: number): void;
}

/** What the gate counts by itself. */
export interface GateTotals {
  admitted: number;
  batches: number;
  /** Tickets that Redis had lost and that have their place again. */
  requeued: number;
  refused: ReadonlyMap<RefusalCode, number>;
  /** Entries that waited for the ledger when their sales were last read here. */
  waiting: number;
}

export type UnclaimedReason = 'unknown_ticket' | 'mismatch' | 'surplus';

/** What a payment provider told. */
export interface PaymentCounts {
  notices: Record<PaymentNotice['kind'], number>;
  /** Without a signature that is right and fresh. */
  unsigned: number;
  /** Money that came and bought nothing: somebody has to look. */
  unclaimed: Record<UnclaimedReason, number>;
}

export interface EdgeMetrics {
  route(name: string): RouteMeter;
  /** Open event streams by kind. */
  streams: { ticket: number; sale: number };
  /** In Prometheus' text format. */
  render(): string;
}

interface Counts {
  byClass: Float64Array;
  buckets: Float64Array;
  sumMs: number;
}

export function createEdgeMetrics(
  totals: () => GateTotals,
  doors: DoorCounts,
  payments?: PaymentCounts,
): EdgeMetrics {
  const routes = new Map<string, Counts>();
  const streams = { ticket: 0, sale: 0 };

  return {
    streams,
    route(name) {
      const counts = routes.get(name) ?? {
        byClass: new Float64Array(6),
        buckets: new Float64Array(bucketEdgesMs.length + 1),
        sumMs: 0,
      };
      routes.set(name, counts);
      const { byClass, buckets } = counts;
      return {
        count(status, tookMs) {
          const statusClass = (status / 100) | 0;
          byClass[statusClass] = (byClass[statusClass] ?? 0) + 1;
          let bucket = 0;
          while (bucket < bucketEdgesMs.length && tookMs > (bucketEdgesMs[bucket] as number)) bucket += 1;
          buckets[bucket] = (buckets[bucket] ?? 0) + 1;
          counts.sumMs += tookMs;
        },
      };
    },
    render() {
      return [
        ...requestLines(routes),
        ...gateLines(totals()),
        ...streamLines(streams),
        ...doorLines(doors),
        ...(payments === undefined ? [] : paymentLines(payments)),
        '',
      ].join('\n');
    },
  };
}

function requestLines(routes: ReadonlyMap<string, Counts>): string[] {
  const lines = [
    '# HELP holdfast_edge_requests_total Answers by route and class of status.',
    '# TYPE holdfast_edge_requests_total counter',
  ];
  for (const [route, { byClass }] of routes) {
    for (const [statusClass, count] of byClass.entries()) {
      if (count > 0)
        lines.push(`holdfast_edge_requests_total{route="${route}",status="${statusClass}xx"} ${count}`);
    }
  }
  const name = 'holdfast_edge_request_duration_seconds';
  lines.push(`# HELP ${name} Time from the parsed request to its answer.`, `# TYPE ${name} histogram`);
  for (const [route, { buckets, sumMs }] of routes) {
    let below = 0;
    for (const [index, count] of buckets.entries()) {
      below += count;
      const edge = bucketEdgesMs[index];
      lines.push(
        `${name}_bucket{route="${route}",le="${edge === undefined ? '+Inf' : edge / 1000}"} ${below}`,
      );
    }
    lines.push(`${name}_sum{route="${route}"} ${sumMs / 1000}`, `${name}_count{route="${route}"} ${below}`);
  }
  return lines;
}

function gateLines({ admitted, batches, requeued, refused }: GateTotals): string[] {
  return [
    '# HELP holdfast_edge_admitted_total Reservations that the gate admitted.',
    '# TYPE holdfast_edge_admitted_total counter',
    `holdfast_edge_admitted_total ${admitted}`,
    '# HELP holdfast_edge_admission_batches_total Scripts that carried them.',
    '# TYPE holdfast_edge_admission_batches_total counter',
    `holdfast_edge_admission_batches_total ${batches}`,
    '# HELP holdfast_edge_requeued_total Tickets that Redis had lost and that were queued again.',
    '# TYPE holdfast_edge_requeued_total counter',
    `holdfast_edge_requeued_total ${requeued}`,
    '# HELP holdfast_edge_refused_total Reservations refused at the gate, by code.',
    '# TYPE holdfast_edge_refused_total counter',
    ...[...refused].map(([code, count]) => `holdfast_edge_refused_total{code="${code}"} ${count}`),
  ];
}

function streamLines(streams: { ticket: number; sale: number }): string[] {
  return [
    '# HELP holdfast_edge_open_streams Event streams that are open.',
    '# TYPE holdfast_edge_open_streams gauge',
    `holdfast_edge_open_streams{kind="ticket"} ${streams.ticket}`,
    `holdfast_edge_open_streams{kind="sale"} ${streams.sale}`,
  ];
}

function doorLines({ connections, streams }: DoorCounts): string[] {
  return [
    '# HELP holdfast_edge_turned_away_total Connections and streams beyond what may be held open.',
    '# TYPE holdfast_edge_turned_away_total counter',
    `holdfast_edge_turned_away_total{kind="connection"} ${connections}`,
    `holdfast_edge_turned_away_total{kind="stream"} ${streams}`,
  ];
}

function paymentLines({ notices, unsigned, unclaimed }: PaymentCounts): string[] {
  return [
    '# HELP holdfast_edge_payment_notices_total What the payment provider told, by kind.',
    '# TYPE holdfast_edge_payment_notices_total counter',
    ...Object.entries(notices).map(([kind, n]) => `holdfast_edge_payment_notices_total{kind="${kind}"} ${n}`),
    '# HELP holdfast_edge_payment_events_unsigned_total Events refused for their signature.',
    '# TYPE holdfast_edge_payment_events_unsigned_total counter',
    `holdfast_edge_payment_events_unsigned_total ${unsigned}`,
    '# HELP holdfast_edge_payments_unclaimed_total Money that came and bought nothing: somebody has to look.',
    '# TYPE holdfast_edge_payments_unclaimed_total counter',
    ...Object.entries(unclaimed).map(
      ([reason, n]) => `holdfast_edge_payments_unclaimed_total{reason="${reason}"} ${n}`,
    ),
  ];
}
