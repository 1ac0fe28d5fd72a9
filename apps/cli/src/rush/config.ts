/** The console of a running stack, where the options do not name it. An empty variable counts as absent. */
export function readSettings() {
  return { console: process.env['CONSOLE_URL'] || undefined, key: process.env['ADMIN_KEY'] || undefined };
}

/** What a process that the rush starts inherits: where programs are, and nothing that would set it up differently. */
export function inheritedSettings(): Record<string, string> {
  const names = ['PATH', 'HOME', 'TMPDIR', 'LANG', 'NODE_OPTIONS', 'NODE_V8_COVERAGE'];
  return Object.fromEntries(names.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])));
}
