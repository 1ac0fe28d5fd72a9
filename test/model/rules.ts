/**
 * The rules of the protocol, each with the reason why it exists. Every one of them can be left out of the model,
 * and the laws must then be broken: a rule that nothing misses would be superstition, and a law that misses
 * no rule would be decoration.
 */
export const rules = {
  compareEpoch:
    'A run that read an older gate wakes after a rebuild and would commit what that gate had said.',
  compareRevision:
    'An expiry leaves the cursor where it was, so the cursor cannot stop a second run from doing it again.',
  raiseRevision: 'A rebuild moves neither cursor nor tip, so the revision must say that it happened.',
  raiseEpoch:
    'Until the ledger itself has the new epoch, a run may commit between the reading and the swap of a rebuild.',
  compareRebuild:
    'A ledger that moved on makes a correct gate look wrong to whoever read the ledger earlier.',
  ledgerFirst: 'A gate that is read before the ledger looks as if it were behind it.',
  checkAnchor:
    'A gate that lost its tail, or grew another one, is told apart only by what stands at the cursor.',
  keepAnchor:
    'Once the entry at the cursor is trimmed, nothing shows that a gate with newer entries continues the ledger.',
  wholeTip:
    'Two histories may hold the same ticket ids in the same order with different units, times or commands.',
  fencedSettle:
    'A frozen run would trim entries that its own history has and this gate, or this epoch, has not.',
  continueJournal:
    'A gate that lost its tail needs the outcomes again from where it is, not from where it was.',
  pieceByPiece:
    'A piece that counts as the whole journal leaves the tickets of the other pieces without an outcome.',
  onlyNews: 'An outcome that is told twice would bring a ticket back that has left the gate since.',
  ticketVersions: 'Settlements arrive twice and in any order; an older outcome must not cover a newer one.',
  ceilingMaximum:
    'A late settlement carries an older ceiling, and would take back units that were already given.',
  releasedMaximum: 'A settlement that arrives twice would release the same units of a buyer twice.',
  statusByJournal: 'A late settlement would open a sale again that has been paused since.',
  waitersByGate: 'If the ledger gives a returned unit on, the gate, which hears of the return, gives it too.',
  latePayersByGate:
    'If the ledger gives a late payer units, it takes them from under the gate, which may have sold them.',
  waitlistAtGate: 'Until the ledger knows of a waiter only the gate can keep newcomers from walking past.',
  replayFirst: 'A buyer who asks again for a ticket he has must not hear that everything is sold.',
  commandOnce: 'A command whose reply was lost is sent again, and must not act twice.',
  duplicateBack: 'An entry that the ledger already knows took units at the gate a second time.',
  rejectedBack: 'The units of an entry that the ledger refuses would be sold to nobody.',
  ledgerLimit: 'A gate that forgot what a buyer holds lets him buy again; the ledger has not forgotten.',
  ledgerStock: 'A gate that was set too high gives units that there never were; the ledger has counted.',
  mendLeaks: 'Units that no entry has and no row are sold to nobody.',
  mendByLedger: 'A ceiling that is raised at the gate alone is swallowed by the next maximum.',
  mendAtTheEnd: 'What stands in the intake, or was not told to the gate yet, is under way and not lost.',
  secondLook: 'What one look saw may be over, or mended by another, when it is acted upon.',
  rebuildTooHigh: 'A gate that offers more than there is would go on to give it.',
  quarantine: 'One entry that cannot be committed would hold up all that came after it.',
  gateClock:
    'Between the reading and the commit a confirm may reach the gate in time; only the time of the reading knows.',
  steadyClock: 'A clock that was set back would call a payment punctual whose hold has lapsed already.',
  steadyRun: 'A gate that lost its tail may have lost with it how late it was, and a sale has one time.',
  expireAtEnd: 'The confirm of a hold that is due may stand in the part of the intake that was not read yet.',
  carryOver: 'Tickets that were acknowledged and not yet committed are in the intake alone.',
  rebuildTickets: 'A gate that never gets its tickets back has nothing to tell those who ask.',
  keysFirst:
    'Who asks again while the tickets are still on their way back must be found, or he is sold another one.',
  sayNotWhole: 'Until all tickets are back, one that is missing must not look like one that never was.',
  ticketsOfThisGate:
    'What an older gate left behind may be older than what its buyer was told, so it counts as missing.',
  noteMoves:
    'A ticket may change between the reading of its row and its coming back; what is older must not cover it.',
  continueRestoring:
    'A gate that lost its tail needs the tickets again from where it is, not from where it was.',
  edgeRemembers:
    'What a disk lost after it was acknowledged stands in no log; only the edge still knows of it.',
  requeueBehind:
    'Whoever comes back from an edge comes behind those who wait, like everybody who comes late.',
  rebuildBuyers: 'A gate that is rebuilt without its buyers lets each of them buy up to the limit again.',
  rebuildStatus: 'A sale that was paused would be open again at a rebuilt gate.',
  rebuildWaiting: 'At a rebuilt gate newcomers would walk past those who wait.',
  rebuildClock: 'An emptied gate has forgotten how late it was; the ledger has not.',
} as const;

export type Rule = keyof typeof rules;
export type Rules = ReadonlySet<Rule>;

export const allRules: Rules = new Set(Object.keys(rules) as Rule[]);

export function without(...left: readonly Rule[]): Rules {
  return new Set([...allRules].filter((rule) => !left.includes(rule)));
}
