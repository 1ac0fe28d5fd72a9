import type { SiteTexts } from '../site-texts.ts';

/** The drop: one sale, or the list of sales; the script fills in what only the server knows. */
export function dropMain({ drop }: SiteTexts): string {
  const steps = [1, 2, 3, 4] as const;
  return [
    '<p class="note" id="trouble" role="status" hidden></p>',
    '<section class="hero" id="one"><div class="stage" id="stage"></div><div class="offer">',
    `<p class="eyebrow" id="edition"></p><h1 id="name">${drop.pageTitle}</h1>`,
    `<p class="lead" id="about">${drop.pageText}</p><div class="buy" id="buy"></div></div></section>`,
    `<section class="also" id="also" hidden><h2>${drop.also}</h2><div class="grid" id="others"></div></section>`,
    `<section class="list" id="list" hidden><h1>${drop.listTitle}</h1><div class="grid" id="sales"></div></section>`,
    `<section class="steps"><h2>${drop.stepsTitle}</h2><ol>`,
    ...steps.map((step) => `<li><h3>${drop[`step${step}`]}</h3><p>${drop[`step${step}Text`]}</p></li>`),
    `</ol></section><section class="rules" id="rules" hidden><h2>${drop.rulesTitle}</h2><ul id="rule-list"></ul></section>`,
  ].join('');
}
