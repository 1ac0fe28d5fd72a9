import { readFileSync } from 'node:fs';
import { type Language, languages, type Texts } from '@holdfast/client/languages';
import type en from './texts/en.json';

export type SiteTexts = typeof en;

const here = (path: string) => new URL(path, import.meta.url);

/** What the pages say in a language. */
export function siteTexts(language: Language): SiteTexts {
  return JSON.parse(readFileSync(here(`./texts/${language}.json`), 'utf8')) as SiteTexts;
}

/** What the button says in it. */
export function buttonTexts(language: Language): Texts {
  const path = `../../../packages/client/src/button/texts/${language}.json`;
  return JSON.parse(readFileSync(here(path), 'utf8')) as Texts;
}

export { languages };
