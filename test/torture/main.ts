import { fastMain } from './fast/main.ts';

const exitCode = await fastMain(process.argv.slice(2));
if (exitCode === null) console.error('npm run torture -- --fast N, or --planted');
process.exitCode = exitCode ?? 2;
