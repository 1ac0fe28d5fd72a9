/** Failures in a row after which nobody waits for the provider any more. */
const failuresToOpen = 5;
/** How long it is left alone then, milliseconds; after that one call tries. */
const restMs = 5_000;

/** Keeps calls from a provider that is away, so that buyers hear it at once and it is not asked by a whole crowd. */
export interface Circuit {
  /** Whether a call may be made now; a call that may must tell how it ended. */
  mayCall(): boolean;
  ended(well: boolean): void;
}

export function createCircuit(now: () => number = () => performance.now()): Circuit {
  let failures = 0;
  let closedUntil = 0;
  return {
    mayCall() {
      if (failures < failuresToOpen) return true;
      if (now() < closedUntil) return false;
      // One tries; the others wait for what it finds, or for the next turn.
      closedUntil = now() + restMs;
      return true;
    },
    ended(well) {
      failures = well ? 0 : failures + 1;
      if (failures >= failuresToOpen) closedUntil = now() + restMs;
    },
  };
}
