import { z } from 'zod';
import { exampleSecrets, isInEarnest } from './example-secrets.ts';

/** One line per problem, all at once: whoever sets a process up wants to know everything that is wrong. */
export class ConfigProblems extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(`The settings cannot be used:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`);
    this.problems = problems;
  }
}

/**
 * Reads settings from environment variables, once. An empty variable counts as absent; values are frozen.
 * `needed` names settings that others make necessary. Throws `ConfigProblems` with every problem; no value is repeated
 * in it, since some are secrets.
 */
export function readConfig<Shape extends z.ZodRawShape>(
  shape: Shape,
  env: Record<string, string | undefined> = process.env,
  needed: (given: Readonly<Record<string, string>>) => readonly string[] = () => [],
): Readonly<z.output<z.ZodObject<Shape>>> {
  const given: Record<string, string> = {};
  for (const name of Object.keys(shape)) {
    const value = env[name];
    if (value !== undefined && value !== '') given[name] = value;
  }
  const parsed = z.object(shape).safeParse(given);
  const missing = needed(given).filter((name) => given[name] === undefined);
  const examples = isInEarnest(env) ? exampleSecrets(given) : [];
  if (parsed.success && missing.length === 0 && examples.length === 0) return Object.freeze(parsed.data);
  throw new ConfigProblems([
    ...(parsed.error?.issues ?? []).map((issue) => problemOf(issue, given)),
    ...missing.map((name) => `${name} is missing`),
    ...examples,
  ]);
}

/** For the top of a `main.ts`: stops the process with every problem listed, before it has opened anything. */
export function configOrExit<Config>(read: () => Config): Config {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof ConfigProblems)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exit(78);
  }
}

function problemOf(issue: z.core.$ZodIssue, given: Record<string, string>): string {
  const name = String(issue.path[0]);
  return given[name] === undefined ? `${name} is missing` : `${name}: ${issue.message}`;
}

const port = z.coerce.number().int().min(0).max(65_535);
const list = z.string().transform((text) =>
  text
    .split(',')
    .map((part) => part.trim())
    .filter(Boolean),
);

/** What several apps read; each takes what it needs. */
export const settings = {
  edgePort: port.default(8080),
  consolePort: port.default(8081),
  host: z.string().default('127.0.0.1'),
  databaseUrl: z.string().regex(/^postgres(ql)?:\/\//, 'must begin with postgres://'),
  redisUrl: z.string().regex(/^rediss?:\/\//, 'must begin with redis:// or rediss://'),
  adminKey: z.string().min(16, 'must have at least 16 characters'),
  buyerAuth: z.enum(['open', 'jwt']).default('open'),
  list,
  shards: z.coerce.number().int().min(1).max(1_296).default(1),
  region: z
    .string()
    .regex(/^[a-z0-9-]{1,32}$/, 'must be 1 to 32 of a-z, 0-9 and -')
    .default('local'),
  logLevel: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'silent']).default('info'),
  count: z.coerce.number().int().min(0),
};
