import { pbkdf2 } from 'node:crypto';
import { promisify } from 'node:util';
import { parsed } from './questions.ts';

const derive = promisify(pbkdf2);
/** Tries under way at once. */
const atOnce = 16;

/** The value of `Challenge-Solution` for the body of a challenge; null when it is none that a buyer can solve. */
export async function solve(body: string): Promise<string | null> {
  const { kind, parameters, signature } = (parsed(body) ?? {}) as Record<string, unknown>;
  if (kind !== 'proof_of_work' || !isWork(parameters)) return null;
  const { nonce, salt, cost, keyLength, keyPrefix } = parameters;
  const keyOf = async (counter: number) => {
    const password = Buffer.concat([Buffer.from(nonce, 'hex'), Buffer.alloc(4)]);
    password.writeUInt32BE(counter, password.length - 4);
    return (await derive(password, Buffer.from(salt, 'hex'), cost, keyLength, 'sha256')).toString('hex');
  };
  for (let first = 0; ; first += atOnce) {
    const keys = await Promise.all(Array.from({ length: atOnce }, (_, more) => keyOf(first + more)));
    const found = keys.findIndex((key) => key.startsWith(keyPrefix));
    if (found < 0) continue;
    const solution = { counter: first + found, derivedKey: keys[found] };
    return Buffer.from(JSON.stringify({ challenge: { parameters, signature }, solution })).toString('base64');
  }
}

interface Work {
  nonce: string;
  salt: string;
  cost: number;
  keyLength: number;
  keyPrefix: string;
}

function isWork(value: unknown): value is Work {
  const { nonce, salt, cost, keyLength, keyPrefix } = (value ?? {}) as Record<string, unknown>;
  const texts = [nonce, salt, keyPrefix].every((text) => typeof text === 'string' && text !== '');
  return texts && Number(cost) > 0 && Number(keyLength) > 0;
}
