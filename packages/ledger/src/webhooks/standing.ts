import type { WebhookStanding, WebhookStatus } from '@holdfast/core';
import { type Queryable, rowsOf, type Statement } from '../database.ts';

const endpointsStatement: Statement = {
  name: 'webhook-endpoints-by-status',
  text: 'select status, count(*) as count from webhook_endpoints group by status',
};

// The event after the cursor may be one that the endpoint did not ask for; then it is passed at the next look.
const oldestStatement: Statement = {
  name: 'webhook-oldest-undelivered',
  text: `
    select coalesce(extract(epoch from now() - min(v.at)), 0)::float8 as seconds
      from webhook_endpoints e
      join gates g on g.region = $1 and (e.sale_id is null or g.sale_id = e.sale_id)
      left join webhook_strands l on l.endpoint_id = e.id and l.sale_id = g.sale_id
      join events v on v.sale_id = g.sale_id and v.position = coalesce(l.position, 0) + 1
     where e.status = 'enabled' and g.position > coalesce(l.position, 0)`,
};

export async function webhookStanding(db: Queryable, region: string): Promise<WebhookStanding> {
  const counts = await rowsOf<{ status: WebhookStatus; count: number }>(db, endpointsStatement, []);
  const [oldest] = await rowsOf<{ seconds: number }>(db, oldestStatement, [region]);
  const endpoints: WebhookStanding['endpoints'] = { enabled: 0, paused: 0, disabled: 0, revoked: 0 };
  for (const { status, count } of counts) endpoints[status] = count;
  return { endpoints, oldestUndeliveredSeconds: Math.max(0, oldest?.seconds ?? 0) };
}
