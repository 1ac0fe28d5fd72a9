import { z } from 'zod';
import { plainText } from './text.ts';

/** Longest extension that can be asked for at once: a day, as for holds. */
export const maxExtensionSeconds = 86_400;

/** The bodies of confirm, cancel and extend; each may be left out. */
export const confirmBody = z.strictObject({ paymentRef: plainText(255).optional() });
export const cancelBody = z.strictObject({});
export const extendBody = z.strictObject({ seconds: z.int().min(1).max(maxExtensionSeconds).optional() });
