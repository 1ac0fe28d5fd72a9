import { type EdgeGate, type Refusal, refuse, type Ticket } from '@holdfast/core';

export type TicketRead = { kind: 'ticket'; ticket: Ticket } | Refusal;

/** `steady` looks again every second; `patient` (streams) less and less often while nothing changes, up to 10 s. */
export type Pace = 'steady' | 'patient';

/** One who follows one ticket. The watch stands from the start, so that nothing is missed between it and a read. */
export interface TicketWatch {
  /** Reads once. */
  read(): Promise<TicketRead>;
  /** From now on every read, by message or by clock, goes to `seen`. */
  begin(seen: (read: TicketRead) => void): void;
  end(): void;
}

export interface TicketWatches {
  watch(ticketId: string, pace: Pace): TicketWatch;
  /**
   * The ticket once `isDone`, or as it was last seen when the time is over; null when it could not be read at all.
   * Always ends: by the deadline, and at once when the edge closes.
   */
  until(watch: TicketWatch, isDone: (ticket: Ticket) => boolean, deadlineMs: number): Promise<Ticket | null>;
  close(): void;
}

const pulseMs = 250;
const soonestMs = 1_000;
const latestMs = 10_000;

interface Follower {
  ticketId: string;
  pace: Pace;
  everyMs: number;
  dueAt: number;
  version: number;
  reading: boolean;
  /** A message came while a read was under way, or before anybody listened: what was read may be older. */
  stale: boolean;
  seen: ((read: TicketRead) => void) | null;
}

/** Followers of tickets share one clock; thousands of timers would say the same thing. */
export function createTicketWatches(gate: Pick<EdgeGate, 'readTicket' | 'watchTicket'>): TicketWatches {
  const following = new Set<Follower>();
  const waits = new Set<() => void>();
  let closed = false;
  const pulse = setInterval(() => {
    const now = performance.now();
    for (const follower of following) if (now >= follower.dueAt) look(follower);
  }, pulseMs);
  pulse.unref();

  async function read(follower: Follower): Promise<TicketRead> {
    follower.reading = true;
    follower.stale = false;
    let answer: TicketRead;
    try {
      answer = await gate.readTicket(follower.ticketId);
    } catch {
      answer = refuse('gate_unavailable');
    }
    follower.reading = false;
    pace(follower, answer);
    return answer;
  }

  function look(follower: Follower): void {
    if (follower.reading) {
      follower.stale = true;
      return;
    }
    void read(follower).then((answer) => {
      if (!following.has(follower)) return;
      follower.seen?.(answer);
      if (follower.stale && following.has(follower)) look(follower);
    });
  }

  function watch(ticketId: string, pace: Pace): TicketWatch {
    const follower: Follower = {
      ticketId,
      pace,
      everyMs: soonestMs,
      dueAt: Number.POSITIVE_INFINITY,
      version: 0,
      reading: false,
      stale: false,
      seen: null,
    };
    const unwatch = gate.watchTicket(ticketId, () => {
      if (follower.seen === null) follower.stale = true;
      else look(follower);
    });
    return {
      read: () => read(follower),
      begin(seen) {
        follower.seen = seen;
        following.add(follower);
        // Nothing was read since the watch stands, or something was said since: what is known may be older.
        if (follower.stale || follower.dueAt === Number.POSITIVE_INFINITY) look(follower);
      },
      end() {
        following.delete(follower);
        unwatch();
      },
    };
  }

  async function until(
    watched: TicketWatch,
    isDone: (ticket: Ticket) => boolean,
    deadlineMs: number,
  ): Promise<Ticket | null> {
    const first = await watched.read();
    let latest = first.kind === 'ticket' ? first.ticket : null;
    if (closed || deadlineMs <= 0 || (latest !== null && isDone(latest))) return latest;
    return new Promise((resolve) => {
      const finish = () => {
        clearTimeout(deadline);
        waits.delete(finish);
        resolve(latest);
      };
      const deadline = setTimeout(finish, deadlineMs);
      waits.add(finish);
      watched.begin((answer) => {
        if (answer.kind !== 'ticket') return;
        latest = answer.ticket;
        if (isDone(latest)) finish();
      });
    });
  }

  return {
    watch,
    until,
    close() {
      closed = true;
      clearInterval(pulse);
      for (const finish of waits) finish();
    },
  };
}

function pace(follower: Follower, answer: TicketRead): void {
  const version = answer.kind === 'ticket' ? answer.ticket.version : follower.version;
  const unchanged = version === follower.version;
  follower.version = version;
  follower.everyMs =
    follower.pace === 'patient' && unchanged ? Math.min(follower.everyMs * 2, latestMs) : soonestMs;
  follower.dueAt = performance.now() + follower.everyMs;
}
