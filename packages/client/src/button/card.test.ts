import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { after, type Buying, type Happening, nothingKnown } from './buying.ts';
import { cardOf } from './card.ts';
import { languages } from './languages.ts';
import { formOf, moneyOf, type Texts } from './words.ts';

const noon = Date.parse('2026-11-26T12:00:00.000Z');
const textsOf = (language: string) =>
  JSON.parse(readFileSync(new URL(`./texts/${language}.json`, import.meta.url), 'utf8')) as Texts;
const english = textsOf('en');

const sale = {
  id: 'drop',
  name: 'Drop',
  status: 'open' as const,
  opensAt: null,
  closesAt: null,
  holdSeconds: 300,
  perBuyerLimit: null,
  currency: 'JPY',
  waitlist: true,
  soldOut: false,
  items: [
    {
      sku: 'tee',
      name: 'Tee',
      description: null,
      imageUrl: null,
      priceMinor: 4900,
      available: 1_000,
      stock: 2_000,
    },
  ],
  draw: null,
  journal: { count: 1, head: '' },
  serverTime: new Date(noon).toISOString(),
};
const ticket = {
  id: '0-drop-abc',
  saleId: 'drop',
  status: 'held' as const,
  version: 2,
  seq: 12_345,
  ahead: 0,
  buyerId: 'ada',
  lines: [{ sku: 'tee', quantity: 2, unitPriceMinor: 4900 }],
  totalMinor: 9800,
  currency: 'JPY',
  reservedAt: sale.serverTime,
  expiresAt: new Date(noon + 300_000).toISOString(),
  extensions: { left: 2, seconds: 600 },
  reason: null,
  receipt: '1.12345.ab',
};

const told = (...happenings: Happening[]): Buying =>
  happenings.reduce((buying, happening) => after(buying, happening, noon), nothingKnown);
const cardIn = (language: string, buying: Buying, now = noon, quantity = 1) =>
  cardOf(buying, now, { texts: textsOf(language), language, quantity });

describe('the card', () => {
  it('counts money in the minor units of its currency', () => {
    expect(moneyOf(4900, 'EUR', 'en')).toBe('€49.00');
    expect(moneyOf(4900, 'JPY', 'en')).toBe('¥4,900');
    expect(moneyOf(4900, 'BHD', 'en')).toContain('4.900');
  });

  it('offers the whole quantity, and what is left', () => {
    const card = cardIn('en', told({ kind: 'sale', sale }), noon, 2);
    expect(card).toMatchObject({ price: '¥9,800', stock: '1,000 of 2,000 left', stockShare: 0.5 });
    expect(card.actions.map(({ act, isMain }) => [act, isMain])).toEqual([['reserve', true]]);
  });

  it('writes western digits in every language', () => {
    for (const language of languages) {
      const card = cardIn(language, told({ kind: 'sale', sale }, { kind: 'ticket', ticket }), noon + 51_000);
      expect([language, card.clock?.time]).toEqual([language, '4:09']);
      expect(card.facts[0]?.value.replace(/\D/g, '')).toBe('12345');
    }
  });

  it('says the same all along while only the clock moves, and something else at each warning', () => {
    const buying = told({ kind: 'sale', sale }, { kind: 'ticket', ticket });
    const said = new Set(
      Array.from({ length: 3_000 }, (_, tenth) => cardIn('en', buying, noon + tenth * 100).said),
    );
    expect([...said]).toEqual([
      `${english.held}. ${english.heldText}`,
      english.minuteLeft,
      english.secondsLeft,
    ]);
  });

  it('lets a hold be paid, prolonged and given back, until there is no more time to be had', () => {
    const buying = told({ kind: 'sale', sale }, { kind: 'ticket', ticket });
    const acts = (one: Buying) => cardIn('en', one).actions.map(({ act }) => act);
    expect(acts(buying)).toEqual(['confirm', 'extend', 'leave']);
    expect(acts(after(buying, { kind: 'refused', verb: 'extend', code: 'extension_limit' }, noon))).toEqual([
      'confirm',
      'leave',
    ]);
    expect(acts(after(buying, { kind: 'leaving', isLeaving: true }, noon))).toEqual(['keep', 'cancel']);
  });

  it('leads to the provider’s page where it has one, and to the shop’s form where it has none', () => {
    const payment = { provider: 'fake', clientSecret: 's', status: 'open' as const, payUrl: '/pay/s' };
    const buying = told({ kind: 'ticket', ticket }, { kind: 'paying', payment });
    expect(cardIn('en', buying).actions[0]).toMatchObject({ act: 'pay', href: '/pay/s', isMain: true });
    const own = told({ kind: 'ticket', ticket }, { kind: 'paying', payment: { ...payment, payUrl: null } });
    expect(cardIn('en', own)).toMatchObject({ text: english.payHere });
    expect(cardIn('en', own).actions.map(({ act }) => act)).toEqual(['extend', 'leave']);
  });
});

describe('the texts', () => {
  const keys = Object.keys(english).sort();

  it.each(languages)('of %s have every key and no other, with the same places to fill', (language) => {
    const texts = textsOf(language);
    expect(Object.keys(texts).sort()).toEqual(keys);
    for (const [key, text] of Object.entries(texts)) {
      const model = english[key as keyof Texts];
      expect(typeof text, key).toBe(typeof model);
      if (typeof text !== 'string') continue;
      expect(text.trim(), key).not.toBe('');
      expect([key, placesOf(text)]).toEqual([key, placesOf(model as string)]);
    }
  });

  it.each(languages)('of %s have exactly the plural forms of the language', (language) => {
    const forms = new Intl.PluralRules(language).resolvedOptions().pluralCategories;
    for (const text of Object.values(textsOf(language))) {
      if (typeof text === 'string') continue;
      expect(Object.keys(text).sort()).toEqual([...forms].sort());
    }
    expect(formOf(textsOf(language).ahead, language, 5)).not.toBe('');
  });

  it.each(languages.filter((language) => language !== 'en'))('of %s are translated', (language) => {
    const same = Object.entries(textsOf(language)).filter(
      ([key, text]) => text === english[key as keyof Texts],
    );
    // Words that are the same in some language.
    expect(same.map(([key]) => key).filter((key) => !['confirm', 'total', 'ticket'].includes(key))).toEqual(
      [],
    );
  });

  it('are all used', () => {
    const program = readFileSync(new URL('./card.ts', import.meta.url), 'utf8');
    expect(keys.filter((key) => !new RegExp(`(?:texts\\.|')${key}\\b`).test(program))).toEqual([]);
  });
});

function placesOf(text: string): string[] {
  return [...text.matchAll(/\{\w+\}/g)].map(([place]) => place).sort();
}
