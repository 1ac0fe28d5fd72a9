/** What every way of selling looks like to the bench: a server to ask, processes to measure, rows to count. */
import type { Roles } from './cpu.ts';

export const sku = 'unit';

export interface Contestant {
  name: string;
  /** Whether a 2xx answer says that the hold is durable, or only that it will be. */
  answersWhenHeld: boolean;
  /** Its processes and the stores it uses. */
  roles(): Roles;
  openSale(stock: number): Promise<Sale>;
  stop(): Promise<void>;
}

export interface Sale {
  id: string;
  stock: number;
  port: number;
  /** Where reservations are posted. */
  path: string;
  /** Units taken in Postgres: one row by its key, cheap enough to ask a hundred times a second. */
  unitsTaken(): Promise<number>;
  /** Holds and their units, counted in rows. */
  countHolds(): Promise<{ holds: number; units: number }>;
  /** Stops selling, so that a sale that is over costs the next run nothing. */
  retire(): Promise<void>;
}
