/** The page that a crowd loads: finds the sale, shows it, and leaves the buying to the button. */
import { createClient, type Sale, type SaleItem } from '@holdfast/client';
import {
  createWords,
  defineHoldfastBuy,
  type HoldfastChange,
  provideTexts,
  type Texts,
} from '@holdfast/client/button';
import { byId, language, make, pageData, rememberLanguage } from '../shell/page-data.ts';
import type { SiteTexts } from '../site-texts.ts';

interface DropData {
  drop: SiteTexts['drop'];
  unreachable: string;
  button: Texts;
}

const { drop, unreachable, button } = pageData<DropData>();
const words = createWords({ ...button, ...drop } as never, language);
const say = words.say as unknown as (
  key: keyof SiteTexts['drop'],
  values: Record<string, string | number>,
) => string;
const asked = new URLSearchParams(location.search).get('sale');
/** Its page is /race. */
const raceSale = 'race';
const comeBackMs = 3_000;

rememberLanguage();
provideTexts(language, button);
defineHoldfastBuy({ edge: location.origin });
if (asked === null) void findSale();
else showSale(asked);

/** The one sale that is to be seen, or the list of them. Goes on until the shop answers. */
async function findSale(): Promise<void> {
  const client = createClient({ baseUrl: location.origin, attempts: 2 });
  for (;;) {
    const found = await client.sales().catch(() => null);
    trouble(found === null || found.kind === 'refused' ? unreachable : '');
    if (found?.kind === 'sales') {
      const sales = found.sales.filter(({ id }) => id !== raceSale);
      const [only] = sales;
      return sales.length === 1 && only !== undefined ? showSale(only.id) : showList(sales);
    }
    await new Promise((resolve) => setTimeout(resolve, comeBackMs));
  }
}

function trouble(text: string): void {
  byId('trouble').hidden = text === '';
  byId('trouble').textContent = text;
}

function showSale(saleId: string): void {
  let shown = '';
  byId('buy').addEventListener('holdfast-change', (event) => {
    const { sale, screen } = (event as CustomEvent<HoldfastChange>).detail;
    document.body.dataset['screen'] = screen;
    if (sale === null) return;
    const { items, journal: _journal, serverTime: _time, soldOut: _soldOut, ...terms } = sale;
    const lasting = JSON.stringify([terms, items.map(({ available: _available, ...item }) => item)]);
    if (lasting !== shown) fill(sale);
    shown = lasting;
  });
  byId('buy').replaceChildren(buttonOf(saleId, null));
}

function buttonOf(saleId: string, sku: string | null): HTMLElement {
  const element = make('holdfast-buy');
  element.setAttribute('sale', saleId);
  if (sku !== null) element.setAttribute('sku', sku);
  return element;
}

function fill(sale: Sale): void {
  const [item, ...others] = sale.items;
  if (item === undefined) return;
  document.title = sale.name;
  byId('name').replaceChildren(theirs(item.name));
  byId('about').replaceChildren(theirs(item.description ?? sale.name));
  byId('edition').textContent = item.stock > 0 ? say('edition', { n: item.stock }) : '';
  byId('stage').replaceChildren(pictureOf(item));
  byId('also').hidden = others.length === 0;
  byId('others').replaceChildren(
    ...others.map((other) => tile(other, make('div', 'buy', buttonOf(sale.id, other.sku)))),
  );
  const rules = rulesOf(sale, item);
  byId('rule-list').replaceChildren(...rules.map((rule) => make('li', '', rule)));
  byId('rules').hidden = false;
}

/** The shop's own words stand where ours would, whatever way they run. */
function theirs(text: string): HTMLElement {
  return make('bdi', '', text);
}

function rulesOf(sale: Sale, item: SaleItem): string[] {
  const { opensAt, closesAt, perBuyerLimit, holdSeconds } = sale;
  return [
    say('ruleStock', { n: item.stock }),
    say('ruleHold', { time: words.span(holdSeconds) }),
    perBuyerLimit === null ? drop.ruleNoLimit : say('ruleLimit', { n: perBuyerLimit }),
    sale.waitlist ? drop.ruleWaitlist : drop.ruleNoWaitlist,
    ...(sale.draw === null ? [] : [drop.ruleLobby]),
    ...(opensAt === null || sale.status === 'open' ? [] : [say('ruleOpens', { date: words.date(opensAt) })]),
    ...(closesAt === null ? [] : [say('ruleCloses', { date: words.date(closesAt) })]),
  ];
}

/** A picture of the shop's own; pictures of other hosts are not loaded, so that nobody hears of who looks. */
function pictureOf({ imageUrl, name }: SaleItem): HTMLElement {
  if (imageUrl === null || !imageUrl.startsWith('/')) {
    const monogram = make('span', 'monogram', [...name][0] ?? '');
    monogram.setAttribute('aria-hidden', 'true');
    return monogram;
  }
  const picture = document.createElement('img');
  picture.src = imageUrl;
  picture.alt = say('picture', { name });
  picture.addEventListener('error', () => picture.remove());
  return picture;
}

function tile(item: SaleItem, ...rest: HTMLElement[]): HTMLElement {
  const name = make('h3', '', theirs(item.name));
  return make('article', 'tile', make('div', 'stage', pictureOf(item)), name, ...rest);
}

function showList(sales: Sale[]): void {
  byId('one').hidden = true;
  byId('list').hidden = false;
  const tiles = sales.flatMap((sale) => {
    const [item] = sale.items;
    if (item === undefined) return [];
    const link = make('a', 'more', drop.look) as HTMLAnchorElement;
    link.href = `?sale=${encodeURIComponent(sale.id)}&lang=${language}`;
    const price = words.money(item.priceMinor, sale.currency);
    const shown = tile(
      { ...item, name: sale.name },
      make('p', 'line', make('bdi', '', price), make('span', '', stateOf(sale))),
      link,
    );
    return [shown];
  });
  byId('sales').replaceChildren(...(tiles.length === 0 ? [make('p', 'lead', drop.listEmpty)] : tiles));
}

function stateOf({ status, soldOut }: Sale): string {
  switch (status) {
    case 'draft':
    case 'scheduled':
    case 'lobby':
      return drop.isEarly;
    case 'open':
      return soldOut ? drop.isSoldOut : drop.isOpen;
    case 'paused':
      return drop.isPaused;
    case 'closed':
    case 'settled':
    case 'cancelled':
      return drop.isOver;
  }
}
