/** Live numbers for the drawing, once a second while somebody looks. */
import { byId, language, pageData, rememberLanguage } from '../shell/page-data.ts';
import type { SiteTexts } from '../site-texts.ts';

interface Inside {
  admitted: number;
  refused: Record<string, number>;
  streams: { ticket: number; sale: number };
  waiting: number;
  available: number;
  stock: number;
  events: number;
}

const { architecture } = pageData<{
  architecture: Pick<SiteTexts['architecture'], 'live' | 'stale' | 'available'>;
}>();
const number = new Intl.NumberFormat(`${language}-u-nu-latn`);
const everyMs = 1_000;

rememberLanguage();
for (;;) {
  if (document.visibilityState !== 'hidden') await look();
  await new Promise((resolve) => setTimeout(resolve, everyMs));
}

async function look(): Promise<void> {
  const answer = await fetch('/v1/inside', { signal: AbortSignal.timeout(5_000) }).catch(() => null);
  const isThere = answer?.ok === true;
  byId('live').textContent = isThere ? architecture.live : architecture.stale;
  document.body.dataset['live'] = isThere ? 'yes' : 'no';
  if (isThere) show((await answer.json()) as Inside);
}

function show({ admitted, refused, streams, waiting, available, stock, events }: Inside): void {
  const refusals = Object.values(refused).reduce((sum, count) => sum + count, 0);
  const numbers = {
    watching: streams.ticket + streams.sale,
    admitted,
    refused: refusals,
    waiting,
    available,
    events,
  };
  for (const [name, value] of Object.entries(numbers))
    for (const place of document.querySelectorAll(`[data-live=${name}]`)) set(place, number.format(value));
  for (const place of document.querySelectorAll('[data-unit=available]'))
    set(place, architecture.available.replace('{n}', number.format(stock)));
}

function set(place: Element, text: string): void {
  if (place.textContent === text) return;
  place.textContent = text;
}
