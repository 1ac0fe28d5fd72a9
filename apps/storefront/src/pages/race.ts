import type { SiteTexts } from '../site-texts.ts';

export function raceMain({ race }: SiteTexts): string {
  const lane = (index: number, name: string) =>
    [
      `<article class="lane" data-lane="${index}"><h2>${race.buyer.replace('{name}', name)}</h2>`,
      '<p class="where"><bdi dir="ltr" data-show="edge"></bdi></p><dl>',
      ...(['asked', 'gate', 'ledger', 'left'] as const).map(
        (step) => `<div><dt>${race[step]}</dt><dd data-show="${step}">–</dd></div>`,
      ),
      '</dl><p class="outcome" data-show="outcome"></p></article>',
    ].join('');
  return [
    `<section class="intro"><h1>${race.title}</h1><p class="lead">${race.text}</p></section>`,
    `<section class="track" id="track">${lane(0, 'A')}`,
    '<div class="middle"><div class="orb" id="orb"><svg viewBox="0 0 120 120" aria-hidden="true"><circle cx="60" cy="60" r="52"/></svg>',
    `<span id="sku">${race.piece}</span></div><button class="press" id="start" type="button">${race.start}</button></div>`,
    `${lane(1, 'B')}</section><p class="verdict" id="verdict" role="status"></p><p class="lead small" id="edges"></p>`,
  ].join('');
}
