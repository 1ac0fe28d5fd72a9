/** Where programs are looked for. */
export function searchPath(): string {
  return process.env['PATH'] ?? '';
}

/** What a child is given of our surroundings, with some of it replaced. */
export function surroundings(replaced: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  return { ...process.env, ...replaced };
}
