import { hash } from 'node:crypto';
import { type Fact, isHash } from './line.ts';

/** What a lobby's draw must come to; each verb answers with what is wrong, or null. */
export interface DrawCheck {
  opened(commitment: unknown): string | null;
  beacon(value: unknown): string | null;
  /** `members`: who is in the lobby, in the order of joining. */
  drawn(fact: Fact, members: string[]): string | null;
  /** `inLobby` says who still waits for a place. */
  placed(ticketId: string, number: unknown, inLobby: (ticketId: string) => boolean): string | null;
  /** `open`: nobody was drawn yet. */
  state(): 'none' | 'open' | 'drawn';
}

export function createDrawCheck(): DrawCheck {
  let commitment: string | null = null;
  let given: string | null = null;
  let order: string[] | null = null;
  let last = 0;

  return {
    opened(value) {
      if (commitment !== null) return 'the lobby opens a second time';
      if (!isHash(value)) return 'the lobby opens without a commitment';
      commitment = value;
      return null;
    },
    beacon(value) {
      if (commitment === null || order !== null || given !== null || typeof value !== 'string')
        return 'a beacon stands where none can be given';
      given = value;
      return null;
    },
    drawn({ data }, members) {
      const { seed, beacon = null, listHash, members: count } = data;
      if (commitment === null) return 'a draw without a lobby';
      if (order !== null) return 'the lobby is drawn a second time';
      if (!isHash(seed) || hash('sha256', Buffer.from(seed, 'hex')) !== commitment)
        return 'the seed is not the one that was committed to';
      if (beacon !== given) return 'the beacon is not the one that was given';
      if (count !== members.length || listHash !== hash('sha256', members.join('\n')))
        return 'the list of members is not who joined';
      const mix = hash('sha256', `${seed}\n${listHash}\n${given ?? ''}`);
      const by = new Map(members.map((ticketId) => [ticketId, hash('sha256', `${mix}\n${ticketId}`)]));
      order = members.toSorted((a, b) => ((by.get(a) ?? '') < (by.get(b) ?? '') ? -1 : 1));
      return null;
    },
    placed(ticketId, number, inLobby) {
      if (order === null) return 'a place is given before the draw';
      if (order[Number(number) - 1] !== ticketId)
        return `place ${String(number)} was drawn for another ticket`;
      for (last += 1; last < Number(number); last += 1)
        if (inLobby(order[last - 1] ?? '')) return `place ${last} of the draw was passed over`;
      return last === number ? null : `place ${String(number)} is given out of turn`;
    },
    state() {
      if (order !== null) return 'drawn';
      return commitment === null ? 'none' : 'open';
    },
  };
}
