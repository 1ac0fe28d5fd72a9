/** The console's side of the wire: what merchants and operators send, and how they are answered. */
export * from './csv.ts';
export * from './journal-line.ts';
export * from './keys.ts';
export * from './live.ts';
export * from './page.ts';
export * from './queues.ts';
export * from './reservation-record.ts';
export * from './sale-body.ts';
export * from './sale-record.ts';
export * from './statistics-record.ts';
export * from './session.ts';
export * from './stock-body.ts';
export * from './webhooks.ts';
