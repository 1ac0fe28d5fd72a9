import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { gzipSync } from 'node:zlib';

/** A file as it is sent, read and compressed once. */
export interface SiteFile {
  headers: Readonly<Record<string, string>>;
  etag: string;
  plain: Uint8Array<ArrayBuffer>;
  /** Null where it would be no smaller. */
  gzipped: Uint8Array<ArrayBuffer> | null;
}

/** The pages for buyers: made by apps/storefront, and only handed out here. */
export interface Site {
  /** By path and language. */
  pages: ReadonlyMap<string, ReadonlyMap<string, SiteFile>>;
  /** By address. */
  files: ReadonlyMap<string, SiteFile>;
}

interface SiteMap {
  pages: Record<string, Record<string, string>>;
  files: Record<string, { file: string; isHashed: boolean }>;
}

const types: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
};

const forEver = 'public, max-age=31536000, immutable';
/** A crowd is answered by the caches in front; a page that names scripts of an older version is not kept for long. */
const aMoment = 'public, max-age=10';

/** `peers` are other edges that a page may talk to. Null where no pages were built; throws when what was built is not whole. */
export function readSite(folder: string, peers: readonly string[] = []): Site | null {
  let map: SiteMap;
  try {
    map = JSON.parse(readFileSync(join(folder, 'site.json'), 'utf8')) as SiteMap;
  } catch (fault) {
    if ((fault as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw new Error(`${folder} has no site that can be read`, { cause: fault });
  }
  const read = (file: string, cacheControl: string) => fileOf(join(folder, file), cacheControl, peers);
  const pages = Object.entries(map.pages).map(([path, byLanguage]) => {
    const files = Object.entries(byLanguage).map(
      ([language, file]) => [language, read(file, aMoment)] as const,
    );
    return [path, new Map(files)] as const;
  });
  const files = Object.entries(map.files).map(
    ([address, { file, isHashed }]) => [address, read(file, isHashed ? forEver : aMoment)] as const,
  );
  return { pages: new Map(pages), files: new Map(files) };
}

function fileOf(path: string, cacheControl: string, peers: readonly string[]): SiteFile {
  const plain = Uint8Array.from(readFileSync(path));
  const gzipped = Uint8Array.from(gzipSync(plain, { level: 9 }));
  const type = types[extname(path)] ?? 'application/octet-stream';
  return {
    headers: {
      'Content-Type': type,
      'Cache-Control': cacheControl,
      'Content-Security-Policy': policyOf(type, peers),
      'Referrer-Policy': 'strict-origin-when-cross-origin',
      // A payment may open a window and needs to find its way back; scripts, texts and pictures are for other sites too.
      ...(type.startsWith('text/html')
        ? { 'Cross-Origin-Opener-Policy': 'same-origin-allow-popups' }
        : { 'Cross-Origin-Resource-Policy': 'cross-origin' }),
    },
    etag: createHash('sha256').update(plain).digest('base64url').slice(0, 22),
    plain,
    gzipped: gzipped.length < plain.length ? gzipped : null,
  };
}

/** A page loads from here and talks to here, and to nobody else. A picture opened by itself may have its own style. */
function policyOf(type: string, peers: readonly string[]): string {
  if (!type.startsWith('text/html'))
    return "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";
  const self = ["script-src 'self'", "style-src 'self'", "img-src 'self'"];
  const talk = ["connect-src 'self'", ...peers].join(' ');
  const shut = ["base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"];
  return ["default-src 'none'", ...self, talk, ...shut].join('; ');
}
