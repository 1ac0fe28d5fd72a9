/** What one browser keeps of one purchase, so that a reload and a second tab find the same place in line. */
export interface Place {
  /** Of the browser, unless the page says who it is. */
  buyerId: string;
  ticketId: string | null;
  /** Of the newest ticket that was seen; with it the server can say that it was lost. */
  receipt: string | undefined;
  /**
   * Grows when the buyer wants another one. The Idempotency-Key is made of it, and so it is the same in every tab and
   * after every reload: two tabs that press at the same instant get one ticket.
   */
  attempt: number;
  /** What was asked, and has no answer yet; `at` in milliseconds of this device's clock. */
  asking: { verb: 'reserve' | 'join'; at: number } | null;
}

export interface PlaceStore {
  read(): Place;
  write(change: Partial<Omit<Place, 'buyerId'>>): void;
  /** Calls when another tab has changed it, until the signal. */
  watch(changed: () => void, signal: AbortSignal): void;
}

const buyerKey = 'holdfast:buyer';

/** `name` is one per edge, sale and item. Where the browser keeps nothing for this page, it lasts as long as the page. */
export function createPlaceStore(name: string, storage: Storage | null = ownStorage()): PlaceStore {
  const key = `holdfast:${name}`;
  let kept: Place = { buyerId: '', ticketId: null, receipt: undefined, attempt: 1, asking: null };

  function read(): Place {
    const known = parsed(storage?.getItem(key) ?? null);
    kept = { ...kept, ...known, buyerId: buyerOf(storage, kept.buyerId) };
    return kept;
  }

  return {
    read,
    write(change) {
      kept = { ...read(), ...change };
      const { ticketId, receipt, attempt, asking } = kept;
      try {
        storage?.setItem(key, JSON.stringify({ ticketId, receipt, attempt, asking }));
      } catch {
        // Full, or forbidden: then this page remembers it alone.
      }
    },
    watch(changed, signal) {
      const heard = (event: StorageEvent) => {
        if (event.key === key || event.key === null) changed();
      };
      addEventListener('storage', heard, { signal });
    },
  };
}

function buyerOf(storage: Storage | null, kept: string): string {
  const known = storage?.getItem(buyerKey) ?? kept;
  if (known !== '') return known;
  const made = `web-${crypto.getRandomValues(new BigUint64Array(2)).reduce((text, part) => text + part.toString(36), '')}`;
  try {
    storage?.setItem(buyerKey, made);
  } catch {
    // As above.
  }
  return made;
}

function parsed(text: string | null): Partial<Place> {
  try {
    const { ticketId, receipt, attempt, asking } = JSON.parse(text ?? '{}') as Partial<Place>;
    return {
      ticketId: typeof ticketId === 'string' ? ticketId : null,
      receipt,
      attempt: Number.isSafeInteger(attempt) ? (attempt as number) : 1,
      asking: asking?.verb === 'reserve' || asking?.verb === 'join' ? asking : null,
    };
  } catch {
    return {};
  }
}

/** Even looking at it throws where it is forbidden. */
function ownStorage(): Storage | null {
  try {
    return localStorage;
  } catch {
    return null;
  }
}
