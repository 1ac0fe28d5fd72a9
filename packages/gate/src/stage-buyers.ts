import type { ClaimedRow, RebuildSource } from '@holdfast/core';
import { pieces } from './pieces.ts';

/** Rows of buyers that one script handles. */
const pieceSize = 500;
/** Pages whose scripts are on their way at once: these share one fsync. */
const pagesAtOnce = 4;

type Piece = (string | number)[];

/** False when a newer rebuild has begun. */
export type StagePiece = (piece: Piece) => Promise<boolean>;

/** What limits, keys and the lobby's doorkeeper follow from. False when it is not to go on. */
export async function stageBuyers(
  stage: StagePiece,
  { claims, released, members }: Pick<RebuildSource, 'claims' | 'released' | 'members'>,
): Promise<boolean> {
  // All three only add, so their order does not matter.
  const complete = await Promise.all([
    stageAll(claims, claimsOf, stage),
    stageAll(released, releasedOf, stage),
    stageAll(members, membersOf, stage),
  ]);
  return !complete.includes(false);
}

/** Reads the next pages while the last ones are written. */
async function stageAll<Page>(
  pages: AsyncIterable<Page>,
  piecesOf: (page: Page) => Piece[],
  stage: StagePiece,
): Promise<boolean> {
  const underWay: Promise<boolean>[] = [];
  for await (const page of pages) {
    const staged = Promise.all(piecesOf(page).map(stage)).then((answers) => answers.every(Boolean));
    // It is heard in its turn.
    staged.catch(() => undefined);
    underWay.push(staged);
    if (underWay.length >= pagesAtOnce && !(await underWay.shift())) return false;
  }
  return (await Promise.all(underWay)).every(Boolean);
}

function claimsOf(page: readonly ClaimedRow[]): Piece[] {
  return pieces(page, pieceSize).map((rows) => {
    const units = new Map<string, number>();
    const kept: string[] = [];
    for (const row of rows) {
      if (row.units > 0) units.set(row.buyerId, (units.get(row.buyerId) ?? 0) + row.units);
      if (row.idempotencyKey !== '') kept.push(`k:${row.buyerId}\n${row.idempotencyKey}`, row.kept);
    }
    return [units.size, ...[...units].flat(), ...kept];
  });
}

/** `claimed` only grows, so it counts what was given back as well. */
function releasedOf(page: ReadonlyMap<string, number>): Piece[] {
  return pieces([...page], pieceSize).map((rows) => [
    rows.length,
    ...rows.flat(),
    ...rows.flatMap(([buyerId, units]) => [`r:${buyerId}`, units]),
  ]);
}

/** Who joined the lobby once does not join it again. */
function membersOf(page: readonly { ticketId: string; buyerId: string }[]): Piece[] {
  return pieces(page, pieceSize).map((rows) => [
    0,
    ...rows.flatMap(({ ticketId, buyerId }) => [memberField(buyerId), ticketId]),
  ]);
}

/** Says that a buyer is in the lobby. */
export function memberField(buyerId: string): string {
  return `l:${buyerId}`;
}
