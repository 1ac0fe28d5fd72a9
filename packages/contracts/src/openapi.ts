import { z } from 'zod';
import { type ProblemCode, problemCodes, problemKinds } from './problem.ts';

/** A JSON Schema or another part of an OpenAPI 3.1 document. */
export type Part = Record<string, unknown>;

/** The JSON Schema of what is sent (`input`) or answered (`output`); 3.1 documents take it as it is. */
export function schemaPart(schema: z.ZodType, io: 'input' | 'output' = 'output'): Part {
  const { $schema: _dialect, ...part } = z.toJSONSchema(schema, { io }) as Part;
  return part;
}

export function reference(name: string): Part {
  return { $ref: `#/components/schemas/${name}` };
}

export function jsonContent(schema: Part): Part {
  return { 'application/json': { schema } };
}

/** The responses of these problems, by status; codes that share a status share a response. */
export function problemResponses(...codes: ProblemCode[]): Record<string, Part> {
  const byStatus = new Map<number, ProblemCode[]>();
  for (const code of codes) {
    const { status } = problemKinds[code];
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  return Object.fromEntries(
    [...byStatus].map(([status, same]) => [
      String(status),
      {
        description: same.map((code) => `\`${code}\``).join(', '),
        content: { 'application/problem+json': { schema: reference('Problem') } },
      },
    ]),
  );
}

/** RFC 9457, with the closed set of codes. */
export const problemSchema = z.looseObject({
  type: z.string().meta({ description: 'A page that explains the problem' }),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  code: z.enum(problemCodes as [ProblemCode, ...ProblemCode[]]),
  instance: z.string().meta({ description: 'Names this request; the same id as X-Request-Id' }),
  opensAt: z.iso.datetime().optional().meta({ description: 'With not_open, when it is known' }),
  sku: z.string().optional().meta({ description: 'With sold_out: the item that is short' }),
  issues: z
    .array(z.strictObject({ pointer: z.string(), message: z.string() }))
    .optional()
    .meta({ description: 'With invalid_body and invalid_quantity: everything that is wrong' }),
});
