import { describe, expect, it } from 'vitest';
import { refusalCodes, refuse } from './refusal.ts';
import { ceilingOf, moveSale, newcomerRefusals, type SaleStatus, type SaleVerb } from './sale.ts';

const statuses: SaleStatus[] = [
  'draft',
  'scheduled',
  'lobby',
  'open',
  'paused',
  'closed',
  'settled',
  'cancelled',
];
const verbs: SaleVerb[] = ['schedule', 'openLobby', 'open', 'pause', 'resume', 'close', 'settle', 'cancel'];

/** A column per verb, in the order above; a dot is a move that does not exist. */
const moves: Record<SaleStatus, string> = {
  draft: 'scheduled lobby open . . . . cancelled',
  scheduled: '. lobby open . . closed . cancelled',
  lobby: '. . open . . closed . cancelled',
  open: '. . . paused . closed . cancelled',
  paused: '. . open . open closed . cancelled',
  closed: '. . open . . . settled cancelled',
  settled: '. . . . . . . .',
  cancelled: '. . . . . . settled .',
};

describe('the states of a sale', () => {
  it.each(statuses)('%s: every verb of the merchant leads where the table says, or nowhere', (status) => {
    expect(verbs.map((verb) => moveSale(status, verb) ?? '.').join(' ')).toBe(moves[status]);
  });

  it('sells only while open, and tells a newcomer why not otherwise', () => {
    expect(statuses.filter((status) => newcomerRefusals[status] === null)).toEqual(['open']);
    for (const status of statuses) {
      const code = newcomerRefusals[status];
      if (code !== null) expect(refusalCodes).toContain(code);
    }
    expect(newcomerRefusals).toMatchObject({ draft: 'not_open', scheduled: 'not_open', lobby: 'not_open' });
    expect(newcomerRefusals).toMatchObject({
      paused: 'paused',
      closed: 'closed',
      settled: 'closed',
      cancelled: 'closed',
    });
  });

  it('never opens again a sale that was cancelled or settled', () => {
    for (const verb of verbs) {
      expect(moveSale('settled', verb)).toBeNull();
      expect(moveSale('cancelled', verb)).not.toBe('open');
    }
  });

  it('lets the gate give the stock and what came back, and nothing for what was taken', () => {
    expect(ceilingOf({ stock: 10, returned: 3, taken: 12 })).toBe(13);
  });
});

describe('a refusal', () => {
  it('carries its code and only what helps the buyer to act on it', () => {
    expect(refuse('paused')).toEqual({ kind: 'refused', code: 'paused' });
    expect(refuse('not_open', { opensAt: 5 })).toEqual({ kind: 'refused', code: 'not_open', opensAt: 5 });
  });
});
