import type { z } from 'zod';

/** What checks a body, for those who only hand it on. */
export type BodySchema<Body> = z.ZodType<Body>;

/** One thing that is wrong with a body. Says where and what, never what was sent. */
export interface Issue {
  /** JSON pointer to the field; the object itself for a field that is unknown, since its name was made up by the sender. */
  pointer: string;
  message: string;
}

/** `invalid_quantity` when quantities that are numbers, but no whole number from 1 on, are all that is wrong. */
export function judgeIssues(error: z.ZodError): {
  code: 'invalid_body' | 'invalid_quantity';
  issues: Issue[];
} {
  const onlyQuantities = error.issues.every(isAboutQuantity);
  return {
    code: onlyQuantities ? 'invalid_quantity' : 'invalid_body',
    issues: error.issues.map((issue) => ({ pointer: pointerOf(issue.path), message: messageOf(issue) })),
  };
}

function isAboutQuantity(issue: z.core.$ZodIssue): boolean {
  if (issue.path.at(-1) !== 'quantity') return false;
  // A number that is not whole is an invalid int; anything that is not a number is an invalid number.
  return (
    issue.code === 'too_small' ||
    issue.code === 'too_big' ||
    (issue.code === 'invalid_type' && issue.expected === 'int')
  );
}

function messageOf(issue: z.core.$ZodIssue): string {
  return issue.code === 'unrecognized_keys' ? 'has fields that are not known here' : issue.message;
}

function pointerOf(path: readonly PropertyKey[]): string {
  return path.map((part) => `/${String(part)}`).join('');
}
