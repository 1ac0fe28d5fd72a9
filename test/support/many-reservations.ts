import type { House } from './house.ts';

/**
 * Writes `count` reservations of one line each straight into the ledger of a sale, with one event each, over `days` days:
 * more than a test could buy. The gate knows none of them, so the sale is only for reading.
 */
export async function writeMany(
  { rows }: Pick<House, 'rows'>,
  saleId: string,
  { count, days, items }: { count: number; days: number; items: number },
): Promise<void> {
  const values = [saleId, count, days, items];
  // Places 1 to `count`, spread evenly over the days that end now; every tenth was held and given up.
  const numbered = `
    select n, '0-' || $1::text || '-' || left(md5($1::text || n), 22) as ticket_id, 'item-' || n % $4::int as sku,
           1 + n % 3 as quantity, 1000 + 10 * (n % $4::int) as price,
           date_trunc('hour', now()) - interval '1 day' * $3::int * (1 - n::float8 / $2::int) as reserved_at,
           case when n % 10 = 0 then 'cancelled' when n % 10 = 1 then 'rejected' else 'confirmed' end as status
      from generate_series(1, $2::int) as n`;
  await rows(
    `insert into reservations (ticket_id, sale_id, region, epoch, seq, buyer_id, units, status, version, reserved_at,
                               held_at, confirmed_at, reason, extensions, extended_seconds, tip)
     select ticket_id, $1, 'local', 1, n, 'buyer ' || n, quantity, status, 3, reserved_at,
            case when status <> 'rejected' then reserved_at + interval '1 ms' * (n % 97) end,
            case when status = 'confirmed' then reserved_at + interval '1 ms' * (n % 97) + interval '1 s' * (n % 211) end,
            case when status = 'rejected' then 'sold_out' end, 0, 0, repeat('0', 40)
       from (${numbered}) as t`,
    values,
  );
  await rows(
    `insert into reservation_lines select ticket_id, sku, quantity, price from (${numbered}) as t`,
    values,
  );
  await rows(
    `insert into events (sale_id, position, type, ticket_id, data, at, hash)
     select $1, n + (select position from gates where sale_id = $1), 'held', ticket_id, '{"lines":[["' || sku || '",' || quantity || ',' || price || ']],"seq":' || n || '}',
            reserved_at, repeat('0', 64)
       from (${numbered}) as t`,
    values,
  );
  await rows('update gates set position = position + $2 where sale_id = $1', [saleId, count]);
  await rows('analyze reservations, reservation_lines, events');
}
