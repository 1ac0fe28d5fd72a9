/** The button, for pages that bundle it themselves; `script.ts` is the one that a script tag loads. */
export { defineHoldfastBuy, type HoldfastChange } from './element.ts';
export { provideTexts } from './languages.ts';
export { createWords, type Texts } from './words.ts';
