/** The pages for buyers, built from the sources as they are now. */
import { join } from 'node:path';
import { readSite, type Site } from '../../apps/edge/src/site.ts';
import { buildStorefront } from '../../apps/storefront/src/build.ts';

export const distFolder = join(import.meta.dirname, '../../apps/storefront/dist');

export async function builtSite(): Promise<Site> {
  await buildStorefront();
  const site = readSite(distFolder);
  if (site === null) throw new Error('the pages were built, and are not there');
  return site;
}
