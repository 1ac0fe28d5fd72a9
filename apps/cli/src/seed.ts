import { configOrExit } from '@holdfast/runtime';
import { keptSecret } from './kept-secret.ts';
import { readConsoleAccess } from './config.ts';
import { createDemoSale, demoSale } from './demo-sale.ts';
import { runningIn } from './running.ts';

/** Creates the demo sale in the stack that runs here, or at CONSOLE_URL. Resolves to the exit code. */
export async function seed(): Promise<number> {
  const { CONSOLE_URL, ADMIN_KEY, HOLDFAST_DIR } = configOrExit(readConsoleAccess);
  const address = CONSOLE_URL ?? runningIn(HOLDFAST_DIR)?.console;
  if (address === undefined || address === null) {
    console.error('There is no console to seed: npm start, or set CONSOLE_URL and ADMIN_KEY.');
    return 1;
  }
  const done = await createDemoSale(new URL(address), ADMIN_KEY ?? keptSecret(HOLDFAST_DIR, 'admin-key'));
  console.log(
    done === 'created' ? `Created the sale ${demoSale.id}.` : `The sale ${demoSale.id} is there already.`,
  );
  return 0;
}
