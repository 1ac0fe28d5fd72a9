import { pause } from '../ask.ts';
import type { Texts } from './words.ts';

/** Every language that the button speaks. A page reads one of them from the edge: all would be as large as the program. */
export const languages = ['en', 'ja', 'zh', 'ko', 'es', 'fr', 'pt', 'ar'] as const;
export type Language = (typeof languages)[number];

const known = new Map<string, Promise<Texts>>();
const comeBackMs = 2_000;

/** Hands over texts that the page has already, so that they are not read again. */
export function provideTexts(language: string, texts: Texts): void {
  known.set(language, Promise.resolve(texts));
}

/** The texts for a BCP 47 tag, English where there are none. Asks the edge until it answers. */
export function textsOf(tag: string, edge: string): Promise<Texts> {
  const language = languageOf(tag);
  const texts = known.get(language) ?? fetchTexts(`${edge}/holdfast-buy.${language}.json`);
  known.set(language, texts);
  return texts;
}

async function fetchTexts(address: string): Promise<Texts> {
  for (;;) {
    const response = await fetch(address).catch(() => null);
    if (response?.ok === true) return (await response.json()) as Texts;
    await pause(comeBackMs);
  }
}

export function languageOf(tag: string): Language {
  const primary = tag.toLowerCase().split('-')[0];
  return languages.find((language) => language === primary) ?? 'en';
}

export type { Texts };
