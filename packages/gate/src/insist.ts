import { within } from './deadline.ts';

/** Pauses between resends while Redis is away. */
const resendPauseMs = 50;

/** Sends again until the deadline while Redis is away: everything the gate is asked is made to be asked twice. */
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
      if (performance.now() + resendPauseMs >= giveUpAt) throw error;
      await new Promise((resolve) => setTimeout(resolve, resendPauseMs));
    }
  }
}
