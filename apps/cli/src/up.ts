import { configOrExit } from '@holdfast/runtime';
import { isPortFree } from '@holdfast/runtime/local-stores';
import { readUpConfig, type UpConfig } from './config.ts';
import { buyingCommand, createDemoSale } from './demo-sale.ts';
import { claimFolder, type Running } from './running.ts';
import { type Stack, startStack } from './stack.ts';
import { listenForStop } from './stop-signals.ts';

export interface UpOptions {
  /** Called when everything is ready; what it answers is called before the stop. */
  readonly whenReady?: (stack: Stack) => () => void;
}

const defaultPorts = { edge: 8080, console: 8081 };
const demoAttempts = 5;

/** `npm start`: runs until it is told to stop. Resolves to the exit code. */
export async function up(options: UpOptions = {}): Promise<number> {
  const config = configOrExit(readUpConfig);
  const stop = listenForStop();
  const claimed = claimFolder(config.HOLDFAST_DIR);
  if ('taken' in claimed) {
    say(nameOther(claimed.taken));
    return 0;
  }
  const { claim } = claimed;
  try {
    await insistOnPorts(config);
    const stack = await startStack({
      dir: config.HOLDFAST_DIR,
      workers: config.WORKERS,
      edges: config.EDGES,
      ports: {
        edge: config.EDGE_PORT ?? defaultPorts.edge,
        console: config.CONSOLE_PORT ?? defaultPorts.console,
      },
      host: config.HOST,
      adminKey: config.ADMIN_KEY,
      challengeSecret: config.CHALLENGE_SECRET,
      databaseUrl: config.DATABASE_URL,
      redisUrl: config.REDIS_URL,
      say,
      signal: stop.signal,
    });
    let close = () => {};
    try {
      await openDemoSale(stack, stop.signal);
      claim.announce({
        edges: stack.edges.map(String),
        console: String(stack.console.url),
        databaseUrl: config.DATABASE_URL === undefined ? stack.databaseUrl : null,
        redisUrl: config.REDIS_URL === undefined ? stack.redisUrl : null,
      });
      if (!stop.signal.aborted) console.log(greeting(stack, config.HOLDFAST_DIR));
      close = options.whenReady?.(stack) ?? close;
      await stop.asked;
      say('stopping');
    } finally {
      close();
      await stack.stop();
    }
    return 0;
  } catch (error) {
    if (stop.signal.aborted) return 0;
    console.error(`holdfast: ${(error as Error).message}`);
    return 1;
  } finally {
    claim.release();
  }
}

function say(line: string): void {
  console.log(`holdfast: ${line}`);
}

/** A port that somebody asked for by name is not quietly replaced by another. */
async function insistOnPorts(config: UpConfig): Promise<void> {
  for (const name of ['EDGE_PORT', 'CONSOLE_PORT'] as const) {
    const port = config[name];
    if (port !== undefined && port !== 0 && !(await isPortFree(port, config.HOST))) {
      throw new Error(`${name} ${port} is taken by another program`);
    }
  }
}

/** The console may answer 503 in its first moments, while the gate is being opened. */
async function openDemoSale({ console: { url, key } }: Stack, signal: AbortSignal): Promise<void> {
  for (let attempt = 1; !signal.aborted; attempt += 1) {
    try {
      await createDemoSale(url, key);
      return;
    } catch (error) {
      if (attempt === demoAttempts) throw error;
      await new Promise((resolve) => setTimeout(resolve, 200 * attempt));
    }
  }
}

function nameOther({ pid, edges, console: consoleUrl }: Running): string {
  if (consoleUrl === null) return `it is being started in this folder already (process ${pid})`;
  return `it runs in this folder already (process ${pid}): edge ${edges.join(', ')}, console ${consoleUrl}`;
}

function greeting({ edges, console: { url, key } }: Stack, dir: string): string {
  const [first] = edges;
  return [
    '',
    'Holdfast is open.',
    ...edges.map((edge) => `  shop       ${edge}   (contract: ${new URL('/docs', edge)})`),
    `  console    ${url}`,
    `  admin key  ${key}`,
    `  logs       ${dir}/logs`,
    '',
    'Buy one:',
    `  ${buyingCommand(first as URL)}`,
    '',
    'Ctrl-C stops everything; what was sold stays.',
    '',
  ].join('\n');
}
