import type { Fault } from '../plan.ts';

/** `instant`: it is over as soon as it is done, whatever had to be waited for. */
export type Outcome = { kind: 'done'; detail?: string; instant?: true } | { kind: 'skipped'; why: string };

/** Does a fault and undoes it: when it resolves, nothing of it is left but its consequences. */
export type Deed = (fault: Fault) => Promise<Outcome>;

export type Deeds = Record<string, Deed>;

export const done: Outcome = { kind: 'done' };
