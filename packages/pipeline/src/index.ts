/** The pipeline: BullMQ rings, the commit run works. Nothing else names BullMQ. */
export { type BellRinger, createBellRinger } from './bells.ts';
export type { CommitReport, CommittedBatch } from './commit-run.ts';
export { type CommitWorker, createCommitWorker } from './commit-worker.ts';
export { type Committer, createCommitter } from './committer.ts';
export { createDesk, type Desk } from './desk/desk.ts';
export type { DeskAnswer, DeskLedger, DeskParts, DeskRequest } from './desk/parts.ts';
export { type DeskVerb, maxStock, type NewSale, saleCreated, type SaleTerms } from './desk/sales.ts';
export { createEraser, type Eraser, type EraserParts, type ErasureAnswer } from './eraser.ts';
export { createRecounts, type Recounts } from './recount.ts';
export { createRepairWatch, type Repair, type RepairWatch } from './repair.ts';
export { createQuarantine, type Poison, type Quarantine, type Quarantined } from './quarantine.ts';
export { createQueueView, type QueueCounts, type QueueView, type SeenWorker } from './queue-view.ts';
export { createSweep, type Sweep, type SweepParts } from './sweep.ts';
export type { WebhookParts, WebhookReport } from './webhooks/parts.ts';
export { createWebhookSweep, type WebhookSweep } from './webhooks/sweep.ts';
export { createWebhookWorker, type WebhookWorker } from './webhooks/worker.ts';
