import { readFileSync } from 'node:fs';
import type { Basket } from './plan.ts';

/** The body of the console's create call; what the rush does not read is handed on as it is. */
export interface SaleBody {
  name: string;
  holdSeconds: number;
  items: { sku: string; stock: number }[];
  [field: string]: unknown;
}

/** What a case file holds; `problems` gets a sentence for everything that is wrong with it. */
export function readCase(
  path: string | undefined,
  problems: string[],
): { sale: Fields | undefined; rush: Fields } {
  if (path === undefined) return { sale: undefined, rush: {} };
  try {
    const read: unknown = JSON.parse(readFileSync(path, 'utf8'));
    if (!isFields(read)) throw new Error('it is not a JSON object');
    if (Array.isArray(read['items'])) return { sale: read, rush: {} };
    const { sale, rush = {} } = read;
    if (!isFields(sale) || !isFields(rush)) throw new Error('it has neither "items" nor a "sale"');
    return { sale, rush };
  } catch (error) {
    problems.push(`--sale ${path}: ${error instanceof Error ? error.message : String(error)}`);
    return { sale: undefined, rush: {} };
  }
}

/** The file's sale, or one of a single item, with what the options change. */
export function readSale(
  file: Fields | undefined,
  stockGiven: boolean,
  number: ReadNumber,
  problems: string[],
): SaleBody {
  const absentHold = typeof file?.['holdSeconds'] === 'number' ? file['holdSeconds'] : 3;
  const holdSeconds = number('hold-seconds', absentHold, 1, 86_400);
  const limit = number('limit', 0, 1, 1_000_000);
  const terms = { holdSeconds, ...(limit > 0 ? { perBuyerLimit: limit } : {}) };
  const items = file === undefined ? [{ sku: 'unit', stock: 100 }] : readItems(file['items'], problems);
  const only = items[0];
  if (stockGiven) {
    if (items.length === 1 && only !== undefined) only.stock = number('stock', only.stock, 0, 100_000_000);
    else problems.push('--stock is for a sale of one item; this one has several, each with its own');
  }
  const name = typeof file?.['name'] === 'string' ? file['name'] : 'Rush';
  return { ...file, name, ...terms, items };
}

function readItems(items: unknown, problems: string[]): SaleBody['items'] {
  if (!Array.isArray(items) || items.length === 0) {
    problems.push('the sale has no items');
    return [];
  }
  return items.map((item: unknown) => {
    const { sku, stock } = isFields(item) ? item : {};
    if (typeof sku !== 'string' || !SKU.test(sku)) problems.push('an item needs a sku of plain characters');
    if (!Number.isInteger(stock) || Number(stock) < 0)
      problems.push(`item ${String(sku)} needs a stock, a whole number`);
    return { ...(isFields(item) ? item : {}), sku: String(sku), stock: Number(stock) };
  });
}

/** The file's baskets, or each item alone in each quantity, as likely as any other. */
export function readBaskets(
  baskets: unknown,
  quantity: unknown,
  sale: SaleBody,
  problems: string[],
): Basket[] {
  if (baskets !== undefined && quantity === undefined) {
    const skus = new Set(sale.items.map(({ sku }) => sku));
    if (Array.isArray(baskets) && baskets.length > 0 && baskets.every((basket) => isBasket(basket, skus)))
      return baskets;
    problems.push(
      'the baskets must be like [{"share": 1, "lines": [{"sku": "...", "quantity": 1}]}], of the sale\'s skus',
    );
    return [];
  }
  const [, from, to = from] = /^(\d{1,6})(?:-(\d{1,6}))?$/.exec(String(quantity ?? 1)) ?? [];
  const least = Number(from);
  const most = Number(to);
  if (!(least >= 1 && most >= least && most - least < 1_000)) {
    problems.push(`--quantity is ${String(quantity)}; it must be like 2 or 1-3`);
    return [];
  }
  return sale.items.flatMap(({ sku }) =>
    Array.from({ length: most - least + 1 }, (_, more) => ({
      share: 1,
      lines: [{ sku, quantity: least + more }],
    })),
  );
}

function isBasket(basket: unknown, skus: ReadonlySet<string>): basket is Basket {
  if (!isFields(basket) || !(Number(basket['share']) > 0) || !Array.isArray(basket['lines'])) return false;
  const { lines } = basket;
  return (
    lines.length > 0 &&
    lines.every(
      (line: unknown) => isFields(line) && skus.has(String(line['sku'])) && Number(line['quantity']) >= 1,
    )
  );
}

type ReadNumber = (name: string, absent: number, min: number, max: number, whole?: boolean) => number;
type Fields = Record<string, unknown>;

/** Plain ASCII: the crowd counts characters where HTTP counts bytes. */
const SKU = /^[\x21-\x7e]{1,64}$/;

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
