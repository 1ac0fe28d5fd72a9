import { matchesETag, problem } from '@holdfast/contracts';
import { type EdgeContext, type Handle, headerOf, type StreamAnswer } from '../call.ts';
import type { Site, SiteFile } from '../site.ts';

/** `GET /`, `/race`, `/architecture`: in the language that the address asks for, or else the browser. */
export function sitePage(byLanguage: ReadonlyMap<string, SiteFile>): Handle {
  const languages = [...byLanguage.keys()];
  return (c) => {
    const asked = c.req.query('lang');
    const language =
      asked !== undefined && byLanguage.has(asked)
        ? asked
        : preferred(headerOf(c, 'accept-language') ?? '', languages);
    return send(c, byLanguage.get(language) as SiteFile, {
      'Content-Language': language,
      Vary: 'Accept-Language, Accept-Encoding',
    });
  };
}

/** `GET /assets/…`, `/pictures/…`, `/holdfast-buy.js` and its languages. */
export function siteFile(site: Site): Handle {
  return (c, requestId) => {
    const file = site.files.get(c.req.path);
    return file === undefined ? problem('not_found', requestId) : send(c, file, { Vary: 'Accept-Encoding' });
  };
}

/** Whether it comes compressed or not is part of the tag: they are different bytes. */
function send(c: EdgeContext, file: SiteFile, more: Record<string, string>): StreamAnswer {
  const packed = file.gzipped !== null && takesGzip(headerOf(c, 'accept-encoding') ?? '');
  const etag = packed ? `"${file.etag}-gzip"` : `"${file.etag}"`;
  const headers: Record<string, string> = { ...file.headers, ...more, ETag: etag };
  if (matchesETag(headerOf(c, 'if-none-match'), etag)) return { status: 304, headers, body: null };
  if (packed) headers['Content-Encoding'] = 'gzip';
  return { status: 200, headers, body: packed ? file.gzipped : file.plain };
}

function takesGzip(header: string): boolean {
  return /(^|,)\s*(gzip|\*)\s*(;\s*q=(?!0(\.0*)?\s*(,|$))[\d.]+\s*)?(,|$)/i.test(header);
}

/** The first that we have, by the weights of RFC 9110; the first of ours when there is none. */
export function preferred(header: string, languages: readonly string[]): string {
  const wanted = header
    .slice(0, longestHeader)
    .split(',')
    .map((part) => {
      const [tag = '', ...parameters] = part.trim().toLowerCase().split(';');
      const weight = parameters.map((parameter) => /^\s*q=([\d.]+)\s*$/.exec(parameter)?.[1]).find(Boolean);
      return { primary: tag.split('-')[0], weight: Number(weight ?? 1) };
    })
    .filter(({ weight }) => weight > 0)
    .sort((a, b) => b.weight - a.weight);
  const found = wanted.find(({ primary }) => languages.includes(primary as string));
  return found?.primary ?? (languages[0] as string);
}

const longestHeader = 500;
