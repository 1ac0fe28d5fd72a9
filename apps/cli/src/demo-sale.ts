/** One item, so that a buyer need not name it. */
export const demoSale = {
  id: 'demo',
  name: 'Demo: a hundred lamps',
  status: 'open',
  holdSeconds: 300,
  items: [
    {
      sku: 'lamp',
      name: 'The Holdfast Lamp',
      description:
        'Mouth-blown glass, held by five arms of raw brass that grow out of a river stone. Made once, numbered by hand.',
      imageUrl: '/pictures/lamp.svg',
      priceMinor: 18_900,
      stock: 100,
    },
  ],
};

/**
 * For /race: each race is for one numbered piece of which there is one. Holds are so short that a piece is soon back, so
 * it never has to be restocked, and nobody needs a key.
 */
export const raceSale = {
  id: 'race',
  name: 'Demo: the race for one piece',
  status: 'open',
  holdSeconds: 15,
  extension: null,
  items: Array.from({ length: 20 }, (_, index) => ({
    sku: `piece-${String(index + 1).padStart(2, '0')}`,
    name: `Piece ${index + 1}`,
    priceMinor: 100,
    stock: 1,
  })),
};

/** Creates the demo sales unless they are there; throws what the console said when it could not. */
export async function createDemoSale(console: URL, key: string): Promise<'created' | 'there'> {
  const [demo] = await Promise.all([demoSale, raceSale].map((sale) => create(console, key, sale)));
  return demo as 'created' | 'there';
}

async function create(console: URL, key: string, sale: typeof demoSale | typeof raceSale) {
  const answer = await fetch(new URL('/v1/sales', console), {
    method: 'POST',
    headers: { Authorization: `Bearer ${key}`, 'Content-Type': 'application/json' },
    body: JSON.stringify(sale),
    signal: AbortSignal.timeout(20_000),
  });
  if (answer.ok) return 'created';
  const said = await answer.text();
  if (answer.status === 409 && said.includes('already_exists')) return 'there';
  throw new Error(`the sale ${sale.id} could not be created: the console answered ${answer.status} ${said}`);
}

/** A command line that reserves one unit and waits until it is held. */
export function buyingCommand(edge: URL): string {
  const url = new URL(`/v1/sales/${demoSale.id}/reservations`, edge);
  return `curl -sS ${url} -H 'Content-Type: application/json' -H 'Prefer: wait=5' -d '{"buyerId":"ada"}'`;
}
