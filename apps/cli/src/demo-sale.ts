/** One item, so that a buyer need not name it. */
export const demoSale = {
  id: 'demo',
  name: 'Demo: a hundred tees',
  status: 'open',
  holdSeconds: 300,
  items: [{ sku: 'tee', name: 'Tee', priceMinor: 4900, stock: 100 }],
};

/** Creates the demo sale unless it is there; throws what the console said when it could not. */
export async function createDemoSale(console: URL, key: string): Promise<'created' | 'there'> {
  const answer = await fetch(new URL('/v1/sales', console), {
    method: 'POST',
    headers: { Authorization: `Bearer ${key}`, 'Content-Type': 'application/json' },
    body: JSON.stringify(demoSale),
    signal: AbortSignal.timeout(20_000),
  });
  if (answer.ok) return 'created';
  const said = await answer.text();
  if (answer.status === 409 && said.includes('already_exists')) return 'there';
  throw new Error(`the demo sale could not be created: the console answered ${answer.status} ${said}`);
}

/** A command line that reserves one unit and waits until it is held. */
export function buyingCommand(edge: URL): string {
  const url = new URL(`/v1/sales/${demoSale.id}/reservations`, edge);
  return `curl -sS ${url} -H 'Content-Type: application/json' -H 'Prefer: wait=5' -d '{"buyerId":"ada"}'`;
}
