import { type ExtensionRule, type Item, saleIdPattern } from '@holdfast/core';
import { z } from 'zod';
import { plainText } from '../text.ts';

export const maxItems = 100;
/** Tries, of which a buyer's browser does a few thousand a second: seconds of work at the most. */
export const maxDifficulty = 20_000;
const defaultDifficulty = 1_000;
/** Most units of one item; the counters that follow from it stay exact in every store. */
export const maxUnits = 1_000_000_000;
export const maxHoldSeconds = 86_400;
const maxPriceMinor = 1_000_000_000_000;

// Every store and every clock of this program can hold these.
const earliest = Date.UTC(2000, 0, 1);
const latest = Date.UTC(2200, 0, 1);

/** ISO 8601 with a zone; read as epoch milliseconds. */
const time = z.iso
  .datetime({ offset: true, error: 'must be a time in ISO 8601 with a zone' })
  .refine((text) => Date.parse(text) >= earliest && Date.parse(text) <= latest, {
    error: 'must be a time between the years 2000 and 2200',
  });

const holdSeconds = z.int().min(1).max(maxHoldSeconds);
const perBuyerLimit = z.int().min(1).max(maxUnits);
const extension = z.strictObject({
  times: z.int().min(0).max(1_000),
  totalSeconds: z.int().min(0).max(maxHoldSeconds),
});

const challenge = z.strictObject({
  kind: z.literal('proof_of_work', { error: 'must be proof_of_work' }),
  difficulty: z.int().min(1).max(maxDifficulty).default(defaultDifficulty),
});

const item = z.strictObject({
  sku: plainText(128),
  name: plainText(200).optional(),
  description: plainText(2_000).nullish(),
  imageUrl: plainText(2_000)
    .refine(isWebAddress, { error: 'must be an http or https address, or a path' })
    .nullish(),
  priceMinor: z.int().min(0).max(maxPriceMinor).optional(),
  stock: z.int().min(0).max(maxUnits),
});

/** The body of `POST /v1/sales`. */
export const newSaleBody = z
  .strictObject({
    id: z
      .string()
      .regex(saleIdPattern, { error: 'must be 1 to 64 letters, digits, dots, dashes or underscores' })
      .optional(),
    name: plainText(200),
    currency: z
      .string()
      .regex(/^[A-Z]{3}$/, { error: 'must be three capital letters' })
      .optional(),
    opensAt: time.nullish(),
    closesAt: time.nullish(),
    holdSeconds: holdSeconds.optional(),
    perBuyerLimit: perBuyerLimit.nullish(),
    waitlist: z.boolean().optional(),
    extension: extension.nullish(),
    challenge: challenge.nullish(),
    status: z.enum(['draft', 'open'], { error: 'must be draft or open' }).optional(),
    items: z
      .array(item)
      .min(1)
      .max(maxItems)
      .superRefine((items, context) => {
        const seen = new Set<string>();
        for (const [index, { sku }] of items.entries()) {
          if (seen.has(sku))
            context.addIssue({
              code: 'custom',
              path: [index, 'sku'],
              message: 'stands in an earlier item already',
            });
          seen.add(sku);
        }
      }),
  })
  .superRefine(opensBeforeItCloses);

/** The body of `PATCH /v1/sales/{id}`: at least one field. */
export const saleChangeBody = z
  .strictObject({
    name: plainText(200).optional(),
    opensAt: time.nullable().optional(),
    closesAt: time.nullable().optional(),
    holdSeconds: holdSeconds.optional(),
    perBuyerLimit: perBuyerLimit.nullable().optional(),
    waitlist: z.boolean().optional(),
    extension: extension.optional(),
    challenge: challenge.nullable().optional(),
  })
  .refine((body) => Object.keys(body).length > 0, { error: 'must change something' })
  .superRefine(opensBeforeItCloses);

/** The other verbs, lobby among them, take no fields. */
export const moveBody = z.strictObject({});

/** The body of `POST /v1/sales/{id}/extend-holds`: more time for every open hold, at most a day. */
export const extendHoldsBody = z.strictObject({ seconds: z.int().min(1).max(86_400) });

/** Open takes the value of a public beacon, when it ends a lobby. */
export const openBody = z.strictObject({ beacon: plainText(256).optional() });

/** A hold may be extended twice, by as much as it lasted in all, unless the sale says otherwise. */
const defaultExtensions = 2;
const defaultHoldSeconds = 300;

/** A new sale with everything that was left out. Times are epoch milliseconds. */
export function newSaleOf(body: z.infer<typeof newSaleBody>) {
  const seconds = body.holdSeconds ?? defaultHoldSeconds;
  return {
    id: body.id ?? null,
    name: body.name,
    status: body.status ?? ('draft' as const),
    opensAt: millisecondsOf(body.opensAt),
    closesAt: millisecondsOf(body.closesAt),
    holdSeconds: seconds,
    perBuyerLimit: body.perBuyerLimit ?? null,
    currency: body.currency ?? 'EUR',
    waitlist: body.waitlist ?? false,
    extension: body.extension ?? extensionFor(body.extension, seconds),
    challenge: body.challenge ?? null,
    items: body.items.map((item): Item & { stock: number } => ({
      sku: item.sku,
      name: item.name ?? item.sku,
      description: item.description ?? null,
      imageUrl: item.imageUrl ?? null,
      priceMinor: item.priceMinor ?? 0,
      stock: item.stock,
    })),
  };
}

/** Null asks for no extensions at all. */
function extensionFor(asked: null | undefined, seconds: number): ExtensionRule {
  return asked === null
    ? { times: 0, totalSeconds: 0 }
    : { times: defaultExtensions, totalSeconds: Math.min(defaultExtensions * seconds, maxHoldSeconds) };
}

/** What a change of terms says; absent fields stay absent. */
export function saleTermsOf(body: z.infer<typeof saleChangeBody>) {
  return {
    ...(body.name !== undefined && { name: body.name }),
    ...(body.opensAt !== undefined && { opensAt: millisecondsOf(body.opensAt) }),
    ...(body.closesAt !== undefined && { closesAt: millisecondsOf(body.closesAt) }),
    ...(body.holdSeconds !== undefined && { holdSeconds: body.holdSeconds }),
    ...(body.perBuyerLimit !== undefined && { perBuyerLimit: body.perBuyerLimit }),
    ...(body.waitlist !== undefined && { waitlist: body.waitlist }),
    ...(body.extension !== undefined && { extension: body.extension }),
    ...(body.challenge !== undefined && { challenge: body.challenge }),
  };
}

function millisecondsOf(text: string | null | undefined): number | null {
  return text === null || text === undefined ? null : Date.parse(text);
}

function opensBeforeItCloses(
  body: { opensAt?: string | null | undefined; closesAt?: string | null | undefined },
  context: z.core.$RefinementCtx,
): void {
  if (body.opensAt == null || body.closesAt == null) return;
  if (Date.parse(body.opensAt) >= Date.parse(body.closesAt))
    context.addIssue({ code: 'custom', path: ['closesAt'], message: 'must be after opensAt' });
}

/** What a page may load an image from; a script address has no place in a shop. */
function isWebAddress(text: string): boolean {
  if (text.startsWith('/') && !text.startsWith('//')) return true;
  const url = URL.parse(text);
  return url !== null && (url.protocol === 'http:' || url.protocol === 'https:');
}
