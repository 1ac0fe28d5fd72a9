/** Outgoing webhooks, as far as they are rows: who gets them, how far each has come, and what was tried. */
import type { WebhookLedger } from '@holdfast/core';
import type pg from 'pg';
import {
  type DeliveryRow,
  type DeliveryStatus,
  deliveriesPage,
  pruneDeliveries,
  queuedExtras,
  queueResend,
  queueTest,
  recordExtra,
  takeExtra,
} from './deliveries.ts';
import {
  changeEndpoint,
  type EndpointChange,
  type EndpointRow,
  insertEndpoint,
  listEndpoints,
  type NewEndpoint,
  readEndpoint,
  revokeEndpoint,
  rotateSecret,
} from './endpoints.ts';
import { webhookEvents } from './events.ts';
import { strandDelivered, strandFailed, strandsBehind, releaseStrand, takeStrand } from './strands.ts';
import { webhookStanding } from './standing.ts';

export type { DeliveryRow, DeliveryStatus, EndpointChange, EndpointRow, NewEndpoint };

export interface Webhooks extends WebhookLedger {
  insert(endpoint: NewEndpoint): Promise<EndpointRow>;
  list(): Promise<EndpointRow[]>;
  read(id: string): Promise<EndpointRow | null>;
  change(id: string, change: EndpointChange): Promise<EndpointRow | null>;
  rotate(id: string, secret: string): Promise<EndpointRow | null>;
  revoke(id: string): Promise<EndpointRow | null>;
  deliveriesPage(
    endpointId: string,
    status: DeliveryStatus | null,
    after: { at: number; id: string } | null,
    limit: number,
  ): Promise<DeliveryRow[]>;
  queueTest(endpointId: string, id: string, type: string): Promise<DeliveryRow | null>;
  queueResend(endpointId: string, id: string): Promise<DeliveryRow | null>;
}

export function createWebhooks(pool: pg.Pool, region: string): Webhooks {
  return {
    insert: (endpoint) => insertEndpoint(pool, region, endpoint),
    list: () => listEndpoints(pool),
    read: (id) => readEndpoint(pool, id),
    change: (id, change) => changeEndpoint(pool, id, change),
    rotate: (id, secret) => rotateSecret(pool, id, secret),
    revoke: (id) => revokeEndpoint(pool, id),
    deliveriesPage: (endpointId, status, after, limit) =>
      deliveriesPage(pool, endpointId, status, after, limit),
    queueTest: (endpointId, id, type) => queueTest(pool, endpointId, id, type),
    queueResend: (endpointId, id) => queueResend(pool, endpointId, id),
    behind: (perEndpoint, limit) => strandsBehind(pool, region, perEndpoint, limit),
    takeStrand: (strand, lease, leaseMs) => takeStrand(pool, region, strand, lease, leaseMs),
    events: (saleId, after, upTo, kinds, limit) => webhookEvents(pool, saleId, after, upTo, kinds, limit),
    delivered: (strand, attempt, leaseMs, isBack) => strandDelivered(pool, strand, attempt, leaseMs, isBack),
    failed: (strand, attempt, next) => strandFailed(pool, strand, attempt, next),
    release: (strand, position) => releaseStrand(pool, strand, position),
    extras: (limit) => queuedExtras(pool, limit),
    takeExtra: (extra, lease, leaseMs) => takeExtra(pool, extra, lease, leaseMs),
    recordExtra: (extra, outcome, statusCode) => recordExtra(pool, extra, outcome, statusCode),
    standing: () => webhookStanding(pool, region),
    prune: (limit) => pruneDeliveries(pool, limit),
  };
}
