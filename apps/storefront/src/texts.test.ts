import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { languages } from '@holdfast/client/languages';
import { describe, expect, it } from 'vitest';
import { siteTexts } from './site-texts.ts';

type Leaf = [path: string, text: string | Record<string, string>];

/** Every text with its path; a plural is one text. */
function leaves(language: (typeof languages)[number]): Leaf[] {
  return Object.entries(siteTexts(language)).flatMap(([section, texts]) =>
    Object.entries(texts).map(([key, text]) => [`${section}.${key}`, text] as Leaf),
  );
}

const english = new Map(leaves('en'));
const placesOf = (text: string) => [...text.matchAll(/\{\w+\}/g)].map(([place]) => place).sort();

describe('the texts of the pages', () => {
  it.each(languages)('in %s have every key and no other, with the same places to fill', (language) => {
    const texts = leaves(language);
    expect(texts.map(([path]) => path).sort()).toEqual([...english.keys()].sort());
    for (const [path, text] of texts) {
      const model = english.get(path);
      expect(typeof text, path).toBe(typeof model);
      if (typeof text !== 'string') continue;
      expect(text.trim(), path).not.toBe('');
      expect([path, placesOf(text)]).toEqual([path, placesOf(model as string)]);
    }
  });

  it.each(languages)('in %s have exactly the plural forms of the language', (language) => {
    const forms = [...new Intl.PluralRules(language).resolvedOptions().pluralCategories].sort();
    const plurals = leaves(language).filter(([, text]) => typeof text !== 'string');
    expect(plurals.length).toBe(3);
    for (const [path, text] of plurals) expect([path, Object.keys(text).sort()]).toEqual([path, forms]);
  });

  it.each(languages.filter((language) => language !== 'en'))('in %s are translated', (language) => {
    const same = leaves(language).filter(([path, text]) => text === english.get(path));
    // Words that are the same in some language, and the three dots.
    const allowed = ['race.waiting', 'architecture.tickets', 'architecture.journal'];
    expect(same.map(([path]) => path).filter((path) => !allowed.includes(path))).toEqual([]);
  });

  it('are all used', () => {
    const folder = import.meta.dirname;
    const program = globSync('{pages,drop,race,architecture,shell}/*.ts', { cwd: folder })
      .concat('make-site.ts')
      .map((file) => readFileSync(join(folder, file), 'utf8'))
      .join('\n');
    // Those that are named by number or by room.
    const built = /^(drop\.step\d(Text)?|architecture\.\w+(Does|Not))$/;
    const unused = [...english.keys()].filter((path) => {
      const key = path.split('.')[1] as string;
      return !built.test(path) && !new RegExp(`[.'"\`]${key}\\b`).test(program);
    });
    expect(unused).toEqual([]);
  });
});
