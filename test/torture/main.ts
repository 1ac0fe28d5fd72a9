/** `npm run torture`: which kind of it, by the options. */
import { fastMain } from './fast/main.ts';
import { runTorture } from './run.ts';

const args = process.argv.slice(2);
process.exitCode = (await fastMain(args)) ?? (await runTorture(args));
