import { fileURLToPath } from 'node:url';

/** The project's own folder; every command works on it, wherever it is called from. */
export const projectFolder = fileURLToPath(new URL('../../..', import.meta.url)).replace(/\/$/, '');
