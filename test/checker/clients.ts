/**
 * What clients saw, held against the ledger. An operation without an answer, or with a 5xx, may have happened or not: it
 * excuses what it could have caused, and accuses nobody.
 */
import { type Context } from './answer.ts';
import { createCauses } from './causes.ts';
import { createCommands } from './commands.ts';
import type { GateAtRest, Operation } from './evidence.ts';
import { checkOrder } from './order.ts';
import { createSightings } from './sightings.ts';
import { createSoldOut } from './sold-out.ts';

export interface Clients {
  follow(operation: Operation): void;
  end(gate: GateAtRest | null): void;
  /** When the last answer came. */
  lastAt(): number;
}

export function createClients(context: Context): Clients {
  const sightings = createSightings(context);
  const causes = createCauses(context);
  const commands = createCommands(context);
  const soldOut = createSoldOut(context);
  let lastAt = 0;

  return {
    follow(operation) {
      lastAt = Math.max(lastAt, operation.answeredAt ?? operation.sentAt);
      switch (operation.op) {
        case 'reserve':
        case 'join':
          sightings.follow(operation);
          causes.follow(operation);
          soldOut.follow(operation);
          return;
        case 'confirm':
        case 'cancel':
        case 'extend':
          sightings.follow(operation);
          commands.follow(operation);
          return;
        case 'read':
        case 'frame':
          sightings.follow(operation);
          return;
        case 'merchant':
          commands.merchant(operation);
          return;
        case 'sale':
          soldOut.follow(operation);
      }
    },
    end(gate) {
      sightings.end();
      causes.end(gate);
      commands.end();
      soldOut.end(gate);
      checkOrder(context);
    },
    lastAt: () => lastAt,
  };
}
