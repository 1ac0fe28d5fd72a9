/**
 * The draw of a lobby (I8): the order that the published seed, the list of members and the beacon make, and no other.
 *
 * mix = sha256(seed, line feed, sha256 of the members by line feeds, line feed, beacon or nothing); the members in the
 * order of sha256(mix, line feed, ticket). The seed is the one whose sha256 was published when the lobby opened.
 */
import { hash } from 'node:crypto';
import type { Findings } from './findings.ts';

export interface Draw {
  /** What an event of the sale says about it. `members`: who is in the lobby, in the order of joining. */
  follow(type: string, data: Record<string, unknown>, members: Iterable<string>, position: number): void;
  placed(ticketId: string, place: unknown, position: number): void;
}

export function createDraw(saleId: string, findings: Findings): Draw {
  let commitment: unknown = null;
  let beacon: unknown = null;
  let order: string[] = [];
  const wrong = (position: number, why: string) =>
    findings.broken('I8', `${saleId}, position ${position}: ${why}.`);

  return {
    follow(type, data, members, position) {
      if (type === 'sale_moved' && data['commitment'] !== undefined) commitment = data['commitment'];
      if (type === 'sale_changed' && data['beacon'] !== undefined) beacon = data['beacon'];
      if (type !== 'drawn') return;
      findings.looked('I8');
      const list = [...members];
      const seed = String(data['seed']);
      const listHash = hash('sha256', list.join('\n'));
      if (hash('sha256', Buffer.from(seed, 'hex')) !== commitment)
        wrong(position, 'the seed of the draw is not the one that was committed to');
      if ((data['beacon'] ?? null) !== beacon)
        wrong(position, 'the beacon of the draw is not the one that was given');
      if (data['members'] !== list.length || data['listHash'] !== listHash)
        wrong(position, 'who is drawn is not who joined');
      const mix = hash('sha256', `${seed}\n${listHash}\n${typeof beacon === 'string' ? beacon : ''}`);
      const by = new Map(list.map((ticketId) => [ticketId, hash('sha256', `${mix}\n${ticketId}`)]));
      order = list.sort((left, right) => ((by.get(left) ?? '') < (by.get(right) ?? '') ? -1 : 1));
    },
    placed(ticketId, place, position) {
      findings.looked('I8');
      if (order[Number(place) - 1] !== ticketId)
        wrong(position, `ticket ${ticketId} is given place ${String(place)} of the draw, which is another's`);
    },
  };
}
