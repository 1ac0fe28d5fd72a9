import type { Language } from '@holdfast/client/languages';
import type { SiteTexts } from '../site-texts.ts';

export interface PageParts {
  language: Language;
  path: string;
  texts: SiteTexts;
  title: string;
  description: string;
  /** Addresses of what was built. */
  styles: readonly string[];
  script: string;
  /** Handed to the script. */
  data: object;
  main: string;
}

/** Each language in its own name. */
export const languageNames: Record<Language, string> = {
  en: 'English',
  ja: '日本語',
  zh: '中文',
  ko: '한국어',
  es: 'Español',
  fr: 'Français',
  pt: 'Português',
  ar: 'العربية',
};

export const direction = (language: Language) => (language === 'ar' ? 'rtl' : 'ltr');

/** A whole page of one language, as it is sent: it can be read before, and without, any script. */
export function page(parts: PageParts): string {
  const { language, path, texts, title, description, styles, script, data, main } = parts;
  const { shell } = texts;
  const link = (to: string, text: string) =>
    `<a href="${to}?lang=${language}"${to === path ? ' aria-current="page"' : ''}>${text}</a>`;
  return [
    `<!doctype html><html lang="${language}" dir="${direction(language)}"><head><meta charset="utf-8">`,
    `<title>${title}</title><meta name="description" content="${description}">`,
    '<meta name="viewport" content="width=device-width,initial-scale=1"><meta name="color-scheme" content="light dark">',
    '<link rel="icon" href="/favicon.svg" type="image/svg+xml">',
    ...styles.map((address) => `<link rel="stylesheet" href="${address}">`),
    `<script type="module" src="${script}"></script></head><body>`,
    `<a class="skip" href="#main">${shell.skip}</a>`,
    '<header class="head"><a class="mark" href="/?lang=',
    `${language}"><svg viewBox="0 0 32 32" aria-hidden="true"><circle cx="16" cy="12" r="8.5"/><path d="M14 24C8 21 4.500 17 5 10M18 24c6-3 9.500-7 9-14M6 28h20"/></svg>Holdfast</a>`,
    `<nav class="nav">${link('/', shell.drop)}${link('/race', shell.race)}${link('/architecture', shell.architecture)}</nav>`,
    `<details class="tongue"><summary><span class="hush">${shell.language}: </span>${languageNames[language]}</summary><ul>`,
    ...Object.entries(languageNames).map(
      ([code, name]) =>
        `<li><a href="?lang=${code}" lang="${code}" dir="${direction(code as Language)}"${code === language ? ' aria-current="true"' : ''}>${name}</a></li>`,
    ),
    `</ul></details></header><main id="main" tabindex="-1"><noscript><p class="note">${shell.noScript}</p></noscript>`,
    main,
    `</main><footer class="foot"><p>${shell.footer}</p><p><a href="/docs">${shell.contract}</a></p></footer>`,
    `<script type="application/json" id="data">${JSON.stringify(data).replaceAll('<', '\\u003c')}</script></body></html>`,
  ].join('');
}
