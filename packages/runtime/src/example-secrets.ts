/** Settings that are secrets, and addresses that have one in them. */
const secrets = [
  'ADMIN_KEY',
  'CHALLENGE_SECRET',
  'BUYER_TOKEN_SECRET',
  'STRIPE_SECRET_KEY',
  'STRIPE_WEBHOOK_SECRET',
];
const addresses = ['DATABASE_URL', 'MIGRATION_DATABASE_URL', 'REDIS_URL'];

/** What stands in documents, templates and tests, here and elsewhere, and is tried first. */
const known =
  /^(holdfast|postgres|redis|root|admin|password|passwd|secret|default|test|demo|(edge|worker|console|owner)_password)$/;
const telling =
  /change.?me|change.?this|example|placeholder|your[-_ ]|for[-_ ]tests|^(.)\1*$|^(0?123456789|abcdef)/i;

/**
 * Whether this process is more than a try on one machine: it says so itself, or others can reach it.
 * What `npm start` runs is neither.
 */
export function isInEarnest(env: Readonly<Record<string, string | undefined>>): boolean {
  const host = env['HOST'] ?? '';
  return env['NODE_ENV'] === 'production' || !/^(|localhost|127\.\d+\.\d+\.\d+|::1|\[::1\])$/.test(host);
}

/** A line for every secret among `given` that is nobody's secret; none of them is repeated. */
export function exampleSecrets(given: Readonly<Record<string, string>>): string[] {
  const own = secrets.filter((name) => isExample(given[name] ?? ''));
  const inside = addresses.filter((name) => isExample(passwordOf(given[name] ?? '')));
  return [
    ...own.map((name) => `${name} is an example, not a secret: openssl rand -hex 32`),
    ...inside.map((name) => `${name} has an example for a password, not a secret: openssl rand -hex 24`),
  ];
}

/** Nothing at all is not an example: the store may know its clients otherwise. */
function isExample(secret: string): boolean {
  return secret !== '' && (known.test(secret.toLowerCase()) || telling.test(secret));
}

function passwordOf(address: string): string {
  return decodeURIComponent(URL.parse(address)?.password ?? '');
}
