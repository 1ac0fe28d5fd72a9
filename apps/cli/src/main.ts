/** `holdfast`: the command line. Each command is loaded only when it is called. */
import { defineCommand, runMain } from 'citty';

type Run = (rawArgs: string[]) => Promise<number>;

const rush: Run = async (rawArgs) => (await import('./rush.ts')).rush(rawArgs);
const erase: Run = async (rawArgs) => (await import('./erase.ts')).erase(rawArgs);
const verify: Run = async (rawArgs) => (await import('./verify.ts')).verify(rawArgs);

const main = defineCommand({
  meta: {
    name: 'holdfast',
    description: 'Sell a limited stock to a crowd, in order, and never one unit too many.',
  },
  subCommands: {
    up: command('Start everything on this machine, until Ctrl-C', async () => (await import('./up.ts')).up()),
    dev: command('The same, and start the apps again when a source changes', async () =>
      (await import('./dev.ts')).dev(),
    ),
    migrate: command('Bring the schema up to date', async () =>
      (await import('./migrate.ts')).migrateCommand(),
    ),
    seed: command('Create the demo sale', async () => (await import('./seed.ts')).seed()),
    reset: defineCommand({
      meta: { description: "Throw away this folder's own stores, after asking" },
      args: { yes: { type: 'boolean', description: 'Do not ask', default: false } },
      run: async ({ args }) => {
        const { reset } = await import('./reset.ts');
        process.exitCode = await reset({ yes: args.yes });
      },
    }),
    rush: command('Send a crowd to a sale, and prove what happened', rush),
    verify: command('Judge an exported journal, from the export alone', verify),
    erase: command('Forget a buyer, and keep the sale whole', erase),
  },
});

// These read their options themselves, --help too.
const [name, ...rest] = process.argv.slice(2);
if (name === 'rush') process.exitCode = await rush(rest);
else if (name === 'verify') process.exitCode = await verify(rest);
else if (name === 'erase') process.exitCode = await erase(rest);
else await runMain(main);
// A store's or a channel's last handle must not keep a finished command waiting.
process.exit();

function command(description: string, run: Run) {
  return defineCommand({
    meta: { description },
    run: async ({ rawArgs }) => {
      process.exitCode = await run(rawArgs);
    },
  });
}
