import type { SiteTexts } from '../site-texts.ts';
import { drawing, tall, wide } from './pipeline-drawing.ts';

const rooms = ['edge', 'gate', 'intake', 'bell', 'worker', 'ledger'] as const;
/** What each is made of; names of programs are the same in every language. */
const madeOf: Record<(typeof rooms)[number], string> = {
  edge: 'Hono',
  gate: 'Redis',
  intake: 'Redis Stream',
  bell: 'BullMQ',
  worker: 'Node',
  ledger: 'Postgres',
};

export function architectureMain({ architecture }: SiteTexts, isMirrored: boolean): string {
  const room = (name: (typeof rooms)[number]) =>
    `<article><h2>${architecture[name]} <bdi class="made" dir="ltr">${madeOf[name]}</bdi></h2>` +
    `<p><b>${architecture.does}</b> ${architecture[`${name}Does`]}</p>` +
    `<p class="not"><b>${architecture.mayNot}</b> ${architecture[`${name}Not`]}</p></article>`;
  return [
    `<section class="intro"><h1>${architecture.title}</h1><p class="lead">${architecture.text}</p></section>`,
    `<figure class="drawing">${drawing(wide, architecture, isMirrored)}${drawing(tall, architecture, isMirrored)}`,
    `<figcaption class="lead small"><span class="dot"></span><span id="live">${architecture.live}</span></figcaption></figure>`,
    `<section class="rooms">${rooms.map(room).join('')}</section>`,
  ].join('');
}
