import { within } from './deadline.ts';

/** Pauses between resends while Redis is away. */
const resendPauseMs = 50;
/** Redis is there and says that it takes no writes: full, read-only, or unable to keep what it is told. */
const takesNoWrites = /^(OOM|READONLY|MISCONF|NOREPLICAS) /;

/**
 * Sends again until the deadline while Redis is away: everything the gate is asked is made to be asked twice. A Redis that
 * takes no writes is not asked again: a crowd that waits for it would only wait longer for the same answer.
 */
export async function insist<Answer>(
  deadlineMs: number,
  what: string,
  send: () => Promise<Answer>,
): Promise<Answer> {
  const giveUpAt = performance.now() + deadlineMs;
  for (;;) {
    try {
      return await within(Math.max(1, giveUpAt - performance.now()), what, send());
    } catch (error) {
      if (takesNoWrites.test((error as Error).message)) throw error;
      if (performance.now() + resendPauseMs >= giveUpAt) throw error;
      await new Promise((resolve) => setTimeout(resolve, resendPauseMs));
    }
  }
}
