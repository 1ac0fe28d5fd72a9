import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { transform } from 'lightningcss';
import { type Plugin, rolldown } from 'rolldown';
import { dropMain } from './pages/drop.ts';
import { architectureMain } from './pages/architecture.ts';
import { raceMain } from './pages/race.ts';
import { direction, page, type PageParts } from './pages/shell.ts';
import { buttonTexts, languages, siteTexts, type SiteTexts } from './site-texts.ts';

/** What is served at which address; read by the edge (apps/edge/src/site.ts). */
export interface SiteMap {
  /** By path, the file of each language. */
  pages: Record<string, Record<string, string>>;
  /** By address: the file, and whether its name changes with its content. */
  files: Record<string, { file: string; isHashed: boolean }>;
}

export interface Site {
  map: SiteMap;
  files: Map<string, string | Uint8Array>;
}

interface PagePlan {
  path: string;
  name: string;
  styles: string[];
  main(texts: SiteTexts, isMirrored: boolean): string;
  head(texts: SiteTexts): { title: string; description: string };
  data(texts: SiteTexts, language: (typeof languages)[number]): object;
}

const plans: PagePlan[] = [
  {
    path: '/',
    name: 'drop',
    styles: ['shop'],
    main: dropMain,
    head: ({ drop }) => ({ title: `${drop.pageTitle} · Holdfast`, description: drop.pageText }),
    data: ({ drop, shell }, language) => ({
      drop: said(drop, /^(edition|picture|rule(?!sTitle)|list|look|is)/),
      unreachable: shell.unreachable,
      button: buttonTexts(language),
    }),
  },
  {
    path: '/race',
    name: 'race',
    styles: ['shop', 'race'],
    main: raceMain,
    head: ({ race }) => ({ title: `${race.title} · Holdfast`, description: race.text }),
    data: ({ race }) => ({ race }),
  },
  {
    path: '/architecture',
    name: 'architecture',
    styles: ['shop', 'race', 'architecture'],
    main: architectureMain,
    head: ({ architecture }) => ({
      title: `${architecture.title} · Holdfast`,
      description: architecture.text,
    }),
    data: ({ architecture }) => ({ architecture: said(architecture, /^(live|stale|available)$/) }),
  },
];

/** Those texts that a script says itself; the others stand in the page. */
function said(texts: object, keys: RegExp): object {
  return Object.fromEntries(Object.entries(texts).filter(([key]) => keys.test(key)));
}

const pictures = ['favicon.svg', 'lamp.svg'];

/** All files of the site, from the sources under `root`. */
export async function makeSite(root: string): Promise<Site> {
  const source = (path: string) => join(root, 'apps/storefront/src', path);
  const files: Site['files'] = new Map();
  const map: SiteMap = { pages: {}, files: {} };

  const asset = (name: string, extension: string, content: string): string => {
    const hash = createHash('sha256').update(content).digest('base64url').slice(0, 10);
    const file = `${name}.${hash}.${extension}`;
    files.set(file, content);
    map.files[`/assets/${file}`] = { file, isHashed: true };
    return `/assets/${file}`;
  };
  const named = (address: string, file: string, content: string): void => {
    files.set(file, content);
    map.files[address] = { file, isHashed: false };
  };

  const scripts = await Promise.all(plans.map(({ name }) => bundle(source(`${name}/main.ts`), 'esm')));
  const button = await bundle(join(root, 'packages/client/src/button/script.ts'), 'iife');
  const challenge = await bundle(join(root, 'packages/client/src/challenge.ts'), 'esm');
  const styleNames = [...new Set(plans.flatMap(({ styles }) => styles))];
  const styles = new Map(
    styleNames.map((name) => [name, asset(name, 'css', minifyStyle(source(`styles/${name}.css`)))]),
  );

  named('/holdfast-buy.js', 'holdfast-buy.js', button);
  named('/holdfast-challenge.js', 'holdfast-challenge.js', challenge);
  for (const language of languages)
    named(
      `/holdfast-buy.${language}.json`,
      `holdfast-buy.${language}.json`,
      JSON.stringify(buttonTexts(language)),
    );
  for (const picture of pictures)
    named(
      picture === 'favicon.svg' ? '/favicon.svg' : `/pictures/${picture}`,
      picture,
      smaller(readFileSync(source(`pictures/${picture}`), 'utf8')),
    );

  for (const [index, plan] of plans.entries()) {
    const script = asset(plan.name, 'js', scripts[index] as string);
    map.pages[plan.path] = {};
    for (const language of languages) {
      const texts = siteTexts(language);
      const parts: PageParts = {
        language,
        path: plan.path,
        texts,
        ...plan.head(texts),
        styles: plan.styles.map((name) => styles.get(name) as string),
        script,
        data: plan.data(texts, language),
        main: plan.main(texts, direction(language) === 'rtl'),
      };
      const file = `${plan.name}.${language}.html`;
      files.set(file, page(parts));
      map.pages[plan.path] = { ...map.pages[plan.path], [language]: file };
    }
  }
  return { map, files };
}

async function bundle(input: string, format: 'esm' | 'iife'): Promise<string> {
  const built = await rolldown({
    input,
    platform: 'browser',
    logLevel: 'warn',
    plugins: [challengeApart],
  });
  try {
    const { output } = await built.generate({ format, minify: true, comments: false });
    return withSmallStyle(output[0].code);
  } finally {
    await built.close();
  }
}

/**
 * What solves challenges is a file of its own, for the sales that ask for one. It is asked for by its whole address: the
 * script of another site has no address that a relative one could follow.
 */
const challengeApart: Plugin = {
  name: 'challenge-apart',
  load: (id) =>
    id.endsWith('/client/src/load-solver.ts')
      ? 'export const loadSolver = (edge) => import(edge + "/holdfast-challenge.js");'
      : null,
};

/** The button's style is a text in its program. */
function withSmallStyle(code: string): string {
  return code.replace(/`\n(:host\{[^`]*)`/, (_, style: string) => {
    const small = transform({ filename: 'button.css', code: Buffer.from(style), minify: true }).code;
    return JSON.stringify(small.toString());
  });
}

function minifyStyle(file: string): string {
  return transform({ filename: file, code: readFileSync(file), minify: true }).code.toString();
}

function smaller(svg: string): string {
  return svg
    .replace(/<!--[^]*?-->/g, '')
    .replace(/>\s+</g, '><')
    .trim();
}
