/** What the console answers, as the contract's own types say it. */
import type {
  keyRecord,
  LiveFrame,
  reservationRecord,
  eventRecord,
  queuesRecord,
  saleRecord,
  sessionRecord,
  deliveryRecord,
  webhookRecord,
  auditRecord,
  incidentRecord,
} from '@holdfast/contracts';

export type {
  AuditVerdictRecord,
  KeyScope,
  LiveFrame,
  LiveHistory,
  LiveSample,
  SaleGlanceRecord,
  Statistics,
} from '@holdfast/contracts';

export type SaleRecord = ReturnType<typeof saleRecord>;
export type SaleStatus = LiveFrame['sale']['status'];
export type SessionRecord = ReturnType<typeof sessionRecord>;
export type QueuesRecord = ReturnType<typeof queuesRecord>;
export type ReservationRecord = ReturnType<typeof reservationRecord>;
export type StoryRecord = ReservationRecord & { events: ReturnType<typeof eventRecord>[] };
export type KeyRecord = ReturnType<typeof keyRecord>;
export type LogRecord = ReturnType<typeof auditRecord>;
export type WebhookRecord = ReturnType<typeof webhookRecord>;
export type DeliveryRecord = ReturnType<typeof deliveryRecord>;
export interface AuditRecord {
  ok: boolean;
  checks: { name: string; ok: boolean; expected: string | number; actual: string | number }[];
  incidents: IncidentRecord[];
}
export type IncidentRecord = ReturnType<typeof incidentRecord>;
