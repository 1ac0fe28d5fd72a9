import { ask, type AskSettings, pause, salePath } from './ask.ts';
import { asksForSolution, type TicketAnswer } from './ticket.ts';

/** A challenge of a kind that this client cannot solve, or no Web Crypto to solve it with (a page without https). */
export class HoldfastUnsolvable extends Error {
  override name = 'HoldfastUnsolvable';
}

/** A challenge that became too old on the way is solved anew so often. */
const CHALLENGES_MAX = 3;

/** Sends what was refused for want of a solution again, with one. The signal ends the work; throws `HoldfastUnsolvable`. */
export async function sendSolved(
  settings: AskSettings,
  saleId: string,
  send: (headers: Record<string, string>) => Promise<TicketAnswer>,
  signal?: AbortSignal,
): Promise<TicketAnswer> {
  for (let challenges = 1; ; challenges += 1) {
    const solution = await solveChallenge(settings, saleId, signal);
    const answer = await send(solution === undefined ? {} : { 'Challenge-Solution': solution });
    if (!asksForSolution(answer) || challenges === CHALLENGES_MAX) return answer;
  }
}

/**
 * Gets a challenge of the sale and solves it: the value of `Challenge-Solution`, or undefined where the sale asks for none
 * by now. Half a second of work is usual.
 */
async function solveChallenge(
  settings: AskSettings,
  saleId: string,
  signal?: AbortSignal,
): Promise<string | undefined> {
  const path = salePath(saleId, '/challenge');
  const response = await ask(settings, path, {}, signal);
  if (response.status !== 200) {
    await response.body?.cancel();
    return undefined;
  }
  const { kind, ...challenge } = (await response.json()) as WorkChallenge;
  if (kind !== 'proof_of_work' || challenge.parameters.algorithm !== 'PBKDF2/SHA-256')
    throw new HoldfastUnsolvable(`a challenge of the kind ${kind}`);
  const solution = await work(challenge.parameters, signal);
  return btoa(JSON.stringify({ challenge, solution }));
}

interface WorkChallenge {
  kind: string;
  parameters: WorkParameters;
  signature: string;
}

/** As ALTCHA writes them: texts are hex. */
interface WorkParameters {
  algorithm: string;
  nonce: string;
  salt: string;
  /** Rounds of one try. */
  cost: number;
  keyLength: number;
  /** What the right key begins with. */
  keyPrefix: string;
}

/** Tries numbers until one gives a key with the prefix. A few under way at once use more than one core. */
async function work(
  parameters: WorkParameters,
  signal?: AbortSignal,
): Promise<{ counter: number; derivedKey: string }> {
  const keyOf = keyMaker(parameters);
  let breathAt = performance.now() + BREATH_MS;
  for (let first = 0; ; first += AT_ONCE) {
    signal?.throwIfAborted();
    const keys = await Promise.all(Array.from({ length: AT_ONCE }, (_, more) => keyOf(first + more)));
    const found = keys.findIndex((key) => key.startsWith(parameters.keyPrefix));
    if (found >= 0) return { counter: first + found, derivedKey: keys[found] ?? '' };
    if (performance.now() < breathAt) continue;
    // The page stays alive meanwhile.
    await pause(0, signal);
    breathAt = performance.now() + BREATH_MS;
  }
}

function keyMaker({ nonce, salt, cost, keyLength }: WorkParameters): (counter: number) => Promise<string> {
  const { subtle } = globalThis.crypto;
  if (subtle === undefined) throw new HoldfastUnsolvable('no Web Crypto here: the page needs https');
  const prefix = bytesOf(nonce);
  const by = { name: 'PBKDF2', hash: 'SHA-256', salt: bytesOf(salt), iterations: cost };
  return async (counter) => {
    const password = new Uint8Array(prefix.length + 4);
    password.set(prefix);
    new DataView(password.buffer).setUint32(prefix.length, counter);
    const key = await subtle.importKey('raw', password, 'PBKDF2', false, ['deriveBits']);
    return hexOf(new Uint8Array(await subtle.deriveBits(by, key, keyLength * 8)));
  };
}

const AT_ONCE = 8;
/** Longest time without a turn of the event loop. */
const BREATH_MS = 30;

function bytesOf(hex: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(hex.length / 2);
  for (let index = 0; index < bytes.length; index += 1)
    bytes[index] = Number.parseInt(hex.slice(2 * index, 2 * index + 2), 16);
  return bytes;
}

function hexOf(bytes: Uint8Array): string {
  let hex = '';
  for (const byte of bytes) hex += byte.toString(16).padStart(2, '0');
  return hex;
}
