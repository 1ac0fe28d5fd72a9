/** What the checker reads, as README.md of this folder says it. Times are epoch milliseconds of one clock, unless they are texts. */

export type Wish = readonly (readonly [sku: string, quantity: number])[];

/** A sale as it was put on sale. */
export interface SaleFacts {
  saleId: string;
  holdSeconds: number;
  perBuyerLimit: number | null;
  waitlist: boolean;
  lobby: boolean;
  /** The initial stock; what came and went later is in the journal. */
  items: readonly { sku: string; stock: number }[];
  /** More was asked for, until the end, than there was. */
  demandWasEnough: boolean;
  closedAtRest: boolean;
}

export type OperationKind =
  | 'reserve'
  | 'join'
  | 'confirm'
  | 'cancel'
  | 'extend'
  | 'read'
  | 'frame'
  | 'sale'
  | 'merchant';

/** One thing that a client did, and what it was answered. */
export interface Operation {
  op: OperationKind;
  saleId: string;
  ticketId: string | null;
  buyerId: string | null;
  key: string | null;
  lines: Wish | null;
  paymentRef: string | null;
  /** Of an extension: what was asked; null leaves it to the sale's rule. Absent: not recorded. */
  seconds?: number | null;
  sentAt: number;
  /** Null: no answer came, and what became of it is unknown. */
  answeredAt: number | null;
  status: number | null;
  body: object | null;
  /** Of a frame: its connection. */
  stream?: string;
  /** Of a merchant's call: which. */
  call?: string;
}

/** A reservation as the console's NDJSON export has it. */
export interface Row {
  id: string;
  status: string;
  version: number;
  epoch: number;
  seq: number;
  buyerId: string;
  house: boolean;
  lines: readonly { sku: string; quantity: number }[];
  reservedAt: string;
  expiresAt: string | null;
  confirmedAt: string | null;
  paymentRef: string | null;
  reason: string | null;
  receipt: string;
}

/** One sale's gate, raw. */
export interface GateAtRest {
  epoch: number;
  seq: number;
  cursor: number;
  journal: number;
  items: Record<string, { ceiling: number; admitted: number; stock: number }>;
  /** What follows the cursor: stream id, packed entry, tip after it. */
  intake: readonly (readonly [id: string, packed: string, tip: string])[];
  tickets: Record<string, string>;
  buyers: Record<string, string>;
}

/** What the nemesis did. Without an end it was over at once. */
export interface Fault {
  at: number;
  until: number | null;
  kind: string;
  target: string;
  detail?: unknown;
  /** It may have lost what a store had acknowledged. */
  losesAcknowledged?: boolean;
}

/** All of it in memory. Per sale: the lines of the journal's export, the rows, the gate. */
export interface Evidence {
  sales: readonly SaleFacts[];
  history: Iterable<Operation>;
  journals: Record<string, Iterable<string>>;
  rows: Record<string, Iterable<Row>>;
  gates: Record<string, GateAtRest | undefined>;
  faults?: readonly Fault[];
}

/** The evidence cannot be read, or speaks of something that this program does not know: no verdict. */
export class Unreadable extends Error {}
