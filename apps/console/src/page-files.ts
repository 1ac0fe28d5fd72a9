import { hash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { extname, join, relative, sep } from 'node:path';
import { gzipSync } from 'node:zlib';

/** A file of the page as it is sent. */
export interface PageFile {
  contentType: string;
  etag: string;
  bytes: Uint8Array<ArrayBuffer>;
  /** Null where packing gains nothing. */
  gzipped: Uint8Array<ArrayBuffer> | null;
}

/** Path in the folder, such as `assets/main-3fa9.js`, to file. */
export type PageFiles = ReadonlyMap<string, PageFile>;

const contentTypes: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** The page as it was built (`npm run build`), read once: it is small, and nobody's path reaches the disk. Empty without one. */
export function readPageFiles(folder: string): PageFiles {
  const files = new Map<string, PageFile>();
  if (!existsSync(folder)) return files;
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const contentType = contentTypes[extname(entry.name)];
    if (!entry.isFile() || contentType === undefined) continue;
    const file = join(entry.parentPath, entry.name);
    files.set(relative(folder, file).split(sep).join('/'), pageFile(contentType, readFileSync(file)));
  }
  return files;
}

function pageFile(contentType: string, read: Buffer): PageFile {
  const bytes = new Uint8Array(read);
  const packed = new Uint8Array(gzipSync(bytes));
  return {
    contentType,
    etag: `"${hash('sha256', bytes).slice(0, 16)}"`,
    bytes,
    gzipped: packed.length < bytes.length * 0.9 ? packed : null,
  };
}
