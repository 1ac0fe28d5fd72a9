/** The tables as Kysely sees them. Times are epoch milliseconds (see `database.ts`); what is written goes in as a Date. */
import type { ColumnType } from 'kysely';

type Time = ColumnType<number, Date, Date>;
type OptionalTime = ColumnType<number | null, Date | null, Date | null>;

export interface Tables {
  sales: {
    id: string;
    name: string;
    status: string;
    opens_at: OptionalTime;
    closes_at: OptionalTime;
    hold_seconds: number;
    per_buyer_limit: number | null;
    currency: string;
    shard: string;
    config: string;
    terms_version: number;
    created_at: Time;
  };
  items: {
    sale_id: string;
    sku: string;
    place: number;
    name: string;
    description: string | null;
    image_url: string | null;
    price_minor: number;
    stock: number;
    returned: number;
    taken: number;
    withdrawn: number;
  };
  gates: {
    sale_id: string;
    region: string;
    epoch: number;
    revision: number;
    committed_seq: number;
    tip: string;
    position: number;
    head: string;
    waiting: number;
    ran_at: number;
  };
  reservations: {
    ticket_id: string;
    sale_id: string;
    region: string;
    epoch: number;
    seq: number;
    buyer_id: string;
    idempotency_key: string | null;
    fingerprint: string | null;
    units: number;
    status: string;
    version: number;
    reserved_at: Time;
    held_at: OptionalTime;
    expires_at: OptionalTime;
    confirmed_at: OptionalTime;
    payment_ref: string | null;
    reason: string | null;
    extensions: number;
    extended_seconds: number;
    tip: string;
    outcomes: string | null;
  };
  reservation_lines: { ticket_id: string; sku: string; quantity: number; unit_price_minor: number };
  buyers: { sale_id: string; buyer_id: string; released: number };
  draws: {
    sale_id: string;
    commitment: string;
    seed: string;
    beacon: string | null;
    members: number | null;
    list_hash: string | null;
    placed: number;
  };
  events: {
    sale_id: string;
    position: number;
    type: string;
    ticket_id: string | null;
    command_id: string | null;
    data: string;
    at: Time;
    hash: string;
    opening: string | null;
  };
  seals: { sale_id: string; position: number; events: number; key: string };
  erasures: { sale_id: string; buyer_id: string; pseudonym: string };
  statistics: {
    sale_id: string;
    hour: Time;
    measure: string;
    key: string;
    reservations: number;
    units: number;
    amount_minor: number;
  };
  rejections: { sale_id: string; minute: Time; reason: string; count: number };
  requests: { key: string; fingerprint: string; status: number; body: string; at: Time };
}
