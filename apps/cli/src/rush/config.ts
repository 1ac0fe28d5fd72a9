/** The console of a running stack, where the options do not name it. An empty variable counts as absent. */
export function readSettings() {
  return { console: process.env['CONSOLE_URL'] || undefined, key: process.env['ADMIN_KEY'] || undefined };
}
