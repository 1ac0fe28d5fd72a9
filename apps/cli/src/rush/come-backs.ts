/**
 * Buyers who were refused and will be back. A wheel of short slots with one timer: 20,000 people who stay away
 * for a few seconds are 20,000 numbers, not 20,000 timers.
 */
export function createComeBacks(onBack: (buyers: number[]) => void) {
  const slots: number[][] = Array.from({ length: SLOTS }, () => []);
  let waiting = 0;
  let hand = 0;
  const timer = setInterval(turn, SLOT_MS);

  return {
    /** `visitor` comes back after about that time; at most some minutes. */
    add(visitor: number, afterMs: number): void {
      const ahead = Math.min(Math.max(1, Math.ceil(afterMs / SLOT_MS)), SLOTS - 1);
      slots[(hand + ahead) % SLOTS]?.push(visitor);
      waiting += 1;
    },
    waiting: () => waiting,
    /** Everybody who is away stays away; says how many. */
    forget(): number {
      const forgotten = waiting;
      for (const slot of slots) slot.length = 0;
      waiting = 0;
      return forgotten;
    },
    close: () => clearInterval(timer),
  };

  function turn(): void {
    hand = (hand + 1) % SLOTS;
    const back = slots[hand]?.splice(0) ?? [];
    if (back.length === 0) return;
    waiting -= back.length;
    onBack(back);
  }
}

const SLOT_MS = 50;
const SLOTS = 6_000;
