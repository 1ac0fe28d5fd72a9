/**
 * Bugs that this house might have. Each is planted in a copy of the sources, and must be caught by the checker: a tester
 * that nothing ever failed has proven nothing. Where a rule has another behind it, both are left out.
 */
export interface PlantedBug {
  name: string;
  leavesOut: string;
  changes: Change[];
}

/** `find` stands in the file exactly once. */
export interface Change {
  file: string;
  find: string;
  replace: string;
}

const admit = 'packages/gate/src/lua/admit.lua';
const append = 'packages/gate/src/lua/append.lua';
const settle = 'packages/gate/src/lua/settle.lua';
const stageEntries = 'packages/gate/src/lua/stage-entries.lua';
const workerGate = 'packages/gate/src/worker-gate.ts';
const gateRebuild = 'packages/gate/src/rebuild.ts';
const carryOver = 'packages/gate/src/carry-over.ts';
const stageBuyers = 'packages/gate/src/stage-buyers.ts';
const stageTickets = 'packages/gate/src/lua/stage-tickets.lua';
const decideRun = 'packages/core/src/decide-run.ts';
const decide = 'packages/core/src/decide.ts';
const evolve = 'packages/core/src/evolve.ts';
const fence = 'packages/ledger/src/fence.ts';
const ledgerRun = 'packages/ledger/src/commit-run.ts';
const journal = 'packages/ledger/src/journal.ts';
const settlement = 'packages/ledger/src/settlement.ts';
const ledgerRebuild = 'packages/ledger/src/rebuild.ts';
const firstMigration = 'packages/ledger/src/migrations/0001-sales.ts';
const pipelineRun = 'packages/pipeline/src/commit-run.ts';
const recovery = 'packages/pipeline/src/recovery.ts';

const trustsTheGate: Change = {
  file: decideRun,
  find: 'if (taken + quantity > ceilingOf(counters) + (run.returned.get(sku) ?? 0)) return false;',
  replace: 'if (taken < 0) return false;',
};
const withoutCheck: Change = {
  file: firstMigration,
  find: 'constraint items_never_oversold check (taken - returned <= stock),',
  replace: '',
};
const withoutChain: Change[] = [
  {
    file: workerGate,
    find: 'if (seq === cursor.committedSeq && tip !== cursor.tip) return',
    replace: 'if (seq === cursor.committedSeq && tip === "") return',
  },
  {
    file: workerGate,
    find: 'if (tipOfEntry !== cursor.tip) return',
    replace: 'if (tipOfEntry === "") return',
  },
  {
    file: workerGate,
    find: 'if (entrySeq !== previousSeq || chain !== tipOfEntry)',
    replace: 'if (entrySeq !== previousSeq)',
  },
  {
    file: settle,
    find: "if anchor[2][4] ~= ledgerTip then return { 'chain', journal } end",
    replace: '',
  },
  {
    file: settle,
    find: "if tip ~= ledgerTip then return { 'chain', journal } end",
    replace: '',
  },
  { file: settle, find: "if not continues then return { 'chain', journal } end", replace: '' },
];
const limitless: Change = {
  file: decideRun,
  find: 'if (limit !== null && (run.used.get(entry.buyerId) ?? 0) + units > limit)',
  replace: 'if (limit !== null && units > 1_000_000)',
};

export const plantedBugs: readonly PlantedBug[] = [
  // ---- the gate gives units ----
  {
    name: 'no-last-line',
    leavesOut: 'the CHECK and the run’s own look at the stock, behind a gate that gives one unit too many',
    changes: [
      withoutCheck,
      trustsTheGate,
      {
        file: admit,
        find: 'if not missing and admitted[item] + quantity > ceiling[item] then',
        replace: 'if not missing and admitted[item] + quantity > ceiling[item] + 1 then',
      },
    ],
  },
  {
    name: 'counts-before-it-looks',
    leavesOut: 'that a request is looked at before it is counted: a refused one has taken its units',
    changes: [
      {
        file: admit,
        find: 'if not missing and admitted[item] + quantity > ceiling[item] then missing = item end',
        replace: `if not missing and admitted[item] + quantity > ceiling[item] then missing = item end
    if not missing then redis.call('HINCRBY', saleKey, 'admitted:' .. ARGV[5 + item], quantity) end`,
      },
    ],
  },
  {
    name: 'replay-after-sold-out',
    leavesOut: 'that a repeat is looked up before the stock',
    changes: [
      {
        file: admit,
        find: `  local ticket, begin = KEYS[4 + i], begins[i]
  if resent`,
        replace: `  local ticket, begin = KEYS[4 + i], begins[i]
  if sale.waitlist == '0' and ARGV[begin] ~= '' then
    for line = begin + 6, begin + 4 + 2 * tonumber(ARGV[begin + 5]), 2 do
      local item = tonumber(ARGV[line])
      if admitted[item] + tonumber(ARGV[line + 1]) > ceiling[item] then return 'sold_out', ARGV[5 + item] end
    end
  end
  if resent`,
      },
    ],
  },
  {
    name: 'key-not-kept',
    leavesOut: 'the idempotency key that a ticket was given for',
    changes: [
      {
        file: admit,
        find: `    known[keyField] = idOf(ticket) .. ' ' .. fingerprint
    claims[#claims + 1] = keyField`,
        replace: '    known[keyField] = false',
      },
    ],
  },
  {
    name: 'resent-call-counts-again',
    leavesOut: 'that a call which is sent again finds its ticket',
    changes: [
      {
        file: admit,
        find: "if resent and redis.call('EXISTS', ticket) == 1 then return 'again', idOf(ticket) end",
        replace: '',
      },
    ],
  },
  {
    name: 'no-limit-anywhere',
    leavesOut: 'the limit per buyer, at the gate and in the ledger',
    changes: [
      limitless,
      {
        file: admit,
        find: "if limit and claimed - tonumber(known['r:' .. buyer] or 0) > limit then return 'limit_reached' end",
        replace: '',
      },
    ],
  },
  {
    name: 'limit-only-at-the-gate',
    leavesOut: 'the limit per buyer in the ledger: a gate that forgot lets a buyer in again',
    changes: [limitless],
  },
  {
    name: 'newcomers-past-the-waitlist',
    leavesOut: 'that nobody is let in while somebody waits',
    changes: [
      { file: admit, find: "return sale.waiting ~= '0' or joined > decidedCursor", replace: 'return false' },
    ],
  },
  {
    name: 'appends-while-it-is-rebuilt',
    leavesOut: 'that a gate which is being rebuilt takes no command',
    changes: [{ file: append, find: "if sale[2] then return { 'closed', '' } end", replace: '' }],
  },
  {
    name: 'admits-while-it-is-rebuilt',
    leavesOut: 'that a gate which is being rebuilt admits nobody',
    changes: [{ file: admit, find: "if sale.rebuilding then return 'closed' end", replace: '' }],
  },
  {
    name: 'old-epoch-admits',
    leavesOut:
      'the epoch’s comparison in admit: an edge from before a rebuild goes on as if nothing had been',
    changes: [
      {
        file: admit,
        find: "if sale.epoch ~= epoch or sale.terms ~= terms then return 'stale' end",
        replace: "if sale.terms ~= terms then return 'stale' end",
      },
    ],
  },
  {
    name: 'boot-marker-ignored',
    leavesOut: 'the boot marker: an emptied gate looks like one that never had the sale',
    changes: [
      { file: admit, find: "if redis.call('EXISTS', boot) == 0 then return 'closed' end", replace: '' },
      {
        file: append,
        find: "if redis.call('EXISTS', boot) == 0 then return { 'closed', '' } end",
        replace: '',
      },
      {
        file: 'packages/gate/src/lua/read-tickets.lua',
        find: "if redis.call('EXISTS', KEYS[1]) == 0 then return 'closed' end",
        replace: '',
      },
      {
        file: 'packages/gate/src/lua/read-sale.lua',
        find: "if redis.call('EXISTS', KEYS[1]) == 0 then return 'closed' end",
        replace: '',
      },
    ],
  },
  // ---- settling ----
  {
    name: 'settles-without-version',
    leavesOut: 'the version: a late word sets a ticket back',
    changes: [
      {
        file: settle,
        find: 'local isNewer = tonumber(current) < tonumber(version)',
        replace: 'local isNewer = current ~= version',
      },
    ],
  },
  {
    name: 'ceilings-set',
    leavesOut: 'the maximum: a late settlement lowers what may be given',
    changes: [
      {
        file: settle,
        find: "if tonumber(ceiling) > tonumber(sale['ceiling:' .. sku] or -1) then",
        replace: "if ceiling ~= sale['ceiling:' .. sku] then",
      },
    ],
  },
  {
    name: 'ceiling-never-grows',
    leavesOut: 'that what was given back may be given again',
    changes: [
      {
        file: settle,
        find: "    changed[#changed + 1] = 'ceiling:' .. sku\n    changed[#changed + 1] = ceiling\n",
        replace: '',
      },
    ],
  },
  {
    name: 'released-doubled',
    leavesOut: 'that what a buyer gave back counts once, and the ledger’s limit behind it',
    changes: [
      limitless,
      {
        file: ledgerRun,
        find: 'set released = buyers.released + excluded.released',
        replace: 'set released = buyers.released + 2 * excluded.released',
      },
    ],
  },
  {
    name: 'trims-too-far',
    leavesOut: 'the end of what was decided: an entry after the cursor is trimmed with it',
    changes: [
      {
        file: settle,
        find: "redis.call('XTRIM', intake, 'MINID', ARGV[2] .. '-0')",
        replace: "redis.call('XTRIM', intake, 'MINID', string.format('%.0f-0', ledgerCursor + 2))",
      },
    ],
  },
  {
    name: 'chain-not-compared',
    leavesOut: 'the chain: a gate that was set back goes on, and its places are given twice',
    changes: withoutChain,
  },
  {
    name: 'settles-any-epoch',
    leavesOut: 'the epoch’s and the chain’s comparison in settle',
    changes: [
      { file: settle, find: "if sale.epoch ~= epoch then return { 'epoch', journal } end", replace: '' },
      ...withoutChain.filter(({ file }) => file === settle),
      { file: settle, find: "if seq < ledgerCursor then return { 'behind', journal } end", replace: '' },
    ],
  },
  {
    name: 'gap-ignored',
    leavesOut: 'that a settlement continues what the gate has of the journal',
    changes: [{ file: settle, find: "if journal < from then return { 'gap', journal } end", replace: '' }],
  },
  {
    name: 'told-of-more-than-was-read',
    leavesOut: 'the journal’s end of the instant at which the stock was read',
    changes: [
      { file: settlement, find: ' and e.position <= $4 order by', replace: ' and $4::bigint > 0 order by' },
    ],
  },
  {
    name: 'grants-without-counting',
    leavesOut: 'the units of a grant in the gate’s counter',
    changes: [
      {
        file: settle,
        find: "sale[field] = string.format('%.0f', tonumber(sale[field]) + line[2])",
        replace: "sale[field] = string.format('%.0f', tonumber(sale[field]))",
      },
    ],
  },
  {
    name: 'grants-twice',
    leavesOut: 'that one who was granted units is not granted them again before that is decided',
    changes: [
      {
        file: settle,
        find: 'if asked <= ledgerCursor and (fits or late)',
        replace: 'if (fits or late)',
      },
      {
        file: decideRun,
        find: `    run.events.push(eventOf('handed_back', entry.ticketId, { lines: pack(reservation.lines) }, run.now));
    handBack(run, reservation.lines);
    // A late`,
        replace: '    // A late',
      },
    ],
  },
  // ---- the commit run ----
  {
    name: 'no-fence',
    leavesOut: 'the comparison of revision, cursor, tip and position, and the journal’s own key behind it',
    changes: [
      {
        file: fence,
        find: 'and g.epoch = $3 and g.revision = $4 and g.committed_seq = $5 and g.tip = $6 and g.position = $7',
        replace:
          "and g.epoch = $3 and $4::bigint >= 0 and $5::bigint >= 0 and $6::text <> '' and $7::bigint >= 0",
      },
      {
        file: 'packages/ledger/src/migrations/0004-journal.ts',
        find: ',\n      constraint events_pkey primary key (sale_id, position)',
        replace: '',
      },
    ],
  },
  {
    name: 'fence-by-cursor-alone',
    leavesOut: 'the revision’s and the position’s comparison: a run that moves no cursor is done twice',
    changes: [
      {
        file: fence,
        find: 'and g.revision = $4 and g.committed_seq = $5 and g.tip = $6 and g.position = $7',
        replace: 'and $4::bigint >= 0 and g.committed_seq = $5 and g.tip = $6 and $7::bigint >= 0',
      },
      {
        file: 'packages/ledger/src/migrations/0004-journal.ts',
        find: ',\n      constraint events_pkey primary key (sale_id, position)',
        replace: '',
      },
    ],
  },
  {
    name: 'old-epoch-commits',
    leavesOut: 'the fence of a rebuild: it neither raises the epoch nor compares what was observed',
    changes: [
      {
        file: ledgerRebuild,
        find: 'const taken = await takeFence(client, saleId, region, observed, { ...cursor, waiting: 0 });',
        replace:
          'const taken = await takeFence(client, saleId, region, before.cursor, { ...before.cursor, epoch, position: cursor.position, head: cursor.head, waiting: 0 });',
      },
    ],
  },
  {
    name: 'refused-units-kept',
    leavesOut: 'that the units of an entry which the ledger refuses go back',
    changes: [
      {
        file: decideRun,
        find: 'if (entry.admitted && refusal.unitsExist) handBack(run, entry.lines);',
        replace: 'if (entry.admitted && refusal.unitsExist) count(run.taken, []);',
      },
    ],
  },
  {
    name: 'duplicates-kept',
    leavesOut: 'that the units of an entry which the ledger knows already go back',
    changes: [
      {
        file: decideRun,
        find: 'if (entry.admitted) handBack(run, entry.lines);\n    // The gate had',
        replace: '// The gate had',
      },
    ],
  },
  {
    name: 'returned-units-lost',
    leavesOut: 'that the units of a hold which ends go back',
    changes: [
      {
        file: decideRun,
        find: 'if (holdsUnits(reservation.status) && !holdsUnits(next.status)) count(run.returned, reservation.lines);',
        replace: '',
      },
    ],
  },
  {
    name: 'expires-before-the-end',
    leavesOut: 'that holds lapse only when the intake was read to its end',
    changes: [
      { file: pipelineRun, find: 'const maxEntries = 1_000;', replace: 'const maxEntries = 1;' },
      {
        file: pipelineRun,
        find: 'const due = isLast ? await ledger.dueHolds(saleId, read.now, maxExpiries) : [];',
        replace: 'const due = await ledger.dueHolds(saleId, read.now, maxExpiries);',
      },
    ],
  },
  {
    name: 'clock-of-the-worker',
    leavesOut: 'the gate’s clock: holds lapse by that of a worker whose clock is two hours ahead',
    changes: [
      {
        file: pipelineRun,
        find: 'const due = isLast ? await ledger.dueHolds(saleId, read.now, maxExpiries) : [];',
        replace:
          'const due = isLast ? await ledger.dueHolds(saleId, Date.now() + 7_200_000, maxExpiries) : [];',
      },
      {
        file: decide,
        find: 'return reservation.expiresAt !== null && reservation.expiresAt < now',
        replace: 'return reservation.expiresAt !== null',
      },
    ],
  },
  {
    name: 'confirms-what-has-lapsed',
    leavesOut: 'that a command is judged by the time at which it reached the gate',
    changes: [
      {
        file: decide,
        find: 'command.at > reservation.expiresAt',
        replace: 'command.at > reservation.expiresAt + 3_600_000',
      },
    ],
  },
  {
    name: 'late-payers-get-units-unasked',
    leavesOut: 'that the gate is asked for the units of one who paid late',
    changes: [
      {
        file: decide,
        find: "const type = to === 'paid_late' || to === 'refund_due' ? to : 'confirmed';",
        replace: "const type = to === 'refund_due' ? to : 'confirmed';",
      },
      withoutCheck,
    ],
  },
  {
    name: 'the-ledger-gives-units',
    leavesOut:
      'that only the gate gives units: the ledger holds what somebody waits for as soon as it has some',
    changes: [
      {
        file: decideRun,
        find: "if (!entry.admitted) return { type: 'waitlisted', reason: null, expiresAt: null };",
        replace:
          "if (!entry.admitted && !unitsExist(run, entry.lines)) return { type: 'waitlisted', reason: null, expiresAt: null };",
      },
    ],
  },
  {
    name: 'last-come-first-served',
    leavesOut: 'the order of the line',
    changes: [
      {
        file: decideRun,
        find: 'for (const entry of entries) {\n    if (isReserve(entry)) reserve',
        replace: 'for (const entry of [...entries].reverse()) {\n    if (isReserve(entry)) reserve',
      },
    ],
  },
  {
    name: 'outcomes-forgotten',
    leavesOut: 'what a command was answered: sent again it is decided again',
    changes: [
      {
        file: evolve,
        find: ": { ...reservation.outcomes, [event.commandId]: event.data.reason ?? ('ok' as const) };",
        replace: ': reservation.outcomes;',
      },
    ],
  },
  {
    name: 'version-stands-still',
    leavesOut: 'that every change which a buyer can see raises the version',
    changes: [
      {
        file: evolve,
        find: 'return { ...reservation, status, version: reservation.version + 1, expiresAt: null, outcomes };',
        replace:
          'return { ...reservation, status, version: Math.min(3, reservation.version + 1), expiresAt: null, outcomes };',
      },
    ],
  },
  // ---- the journal ----
  {
    name: 'positions-with-gaps',
    leavesOut: 'that positions follow one another: a run begins one further on',
    changes: [
      {
        file: journal,
        find: 'link(saleId, position + index + 1, previous, event)',
        replace: 'link(saleId, position + index + (events.length > 1 ? 2 : 1), previous, event)',
      },
    ],
  },
  {
    name: 'events-after-the-commit',
    leavesOut: 'that the journal is written in the transaction of the rows',
    changes: [
      {
        file: ledgerRun,
        find: 'if (rows.length > 0) await insertEvents(db, saleId, rows, runKey);',
        replace: '',
      },
      {
        file: ledgerRun,
        find: "(answer) => answer.kind === 'committed',\n    );",
        replace:
          "(answer) => answer.kind === 'committed',\n    ).then(async (answer) => {\n      if (answer.kind === 'committed' && rows.length > 0) await insertEvents(pool, saleId, rows, runKey);\n      return answer;\n    });",
      },
    ],
  },
  {
    name: 'chain-not-continued',
    leavesOut: 'the hash before in the hash of an event',
    changes: [
      {
        file: journal,
        find: 'JSON.stringify([previous, saleId,',
        replace: 'JSON.stringify([previous.slice(0, 0), saleId,',
      },
    ],
  },
  // ---- rebuilding ----
  {
    name: 'nothing-carried-over',
    leavesOut: 'entries of the old intake that the ledger does not have',
    changes: [
      {
        file: carryOver,
        find: 'if (carried.length > 0 && !(await stageEntries',
        replace: 'if (carried.length > 1_000_000 && !(await stageEntries',
      },
    ],
  },
  {
    name: 'everything-carried-over',
    leavesOut: 'that what the ledger knows is not carried over, and that the ledger gives no place twice',
    changes: [
      {
        file: ledgerRebuild,
        find: 'return isReserve(entry) ? !known.has(entry.ticketId) :',
        replace: 'return isReserve(entry) ? known.size >= 0 :',
      },
      {
        file: decideRun,
        find: 'if (entry.admitted) handBack(run, entry.lines);\n    // The gate had',
        replace: '// The gate had',
      },
    ],
  },
  {
    name: 'carried-over-unlooked',
    leavesOut:
      'that what is carried over gets units only while they last, and the ledger’s look and CHECK behind it',
    changes: [
      {
        file: stageEntries,
        find: 'if not counts[1] or tonumber(counts[1]) + quantity > tonumber(counts[2]) then fits = false end',
        replace: '',
      },
      trustsTheGate,
      withoutCheck,
    ],
  },
  {
    name: 'rebuilt-without-keys',
    leavesOut: 'the buyers: what they claimed, and by which keys',
    changes: [{ file: stageBuyers, find: 'stageAll(claims, claimsOf, stage),', replace: 'true,' }],
  },
  {
    name: 'rebuilt-without-what-was-given-back',
    leavesOut: 'what buyers gave back, of which their claims are the other half',
    changes: [
      {
        file: stageBuyers,
        find: '...rows.flatMap(([buyerId, units]) => [`r:${buyerId}`, units]),',
        replace: '',
      },
    ],
  },
  {
    name: 'rebuilt-without-tickets',
    leavesOut: 'the tickets',
    changes: [
      {
        file: stageTickets,
        find: "redis.call('SET', KEYS[i], ARGV[3 * i - 4])",
        replace: '',
      },
    ],
  },
  {
    name: 'rebuilt-without-who-waits',
    leavesOut: 'that somebody waits, and the settlement that would count them again',
    changes: [
      { file: gateRebuild, find: "['waiting', String(source.waiting)],", replace: "['waiting', '0']," },
      {
        file: gateRebuild,
        find: "['journal', String(cursor.position - 1)],",
        replace: "['journal', String(cursor.position)],",
      },
    ],
  },
  {
    name: 'rebuilt-open',
    leavesOut: 'the sale’s status',
    changes: [
      {
        file: gateRebuild,
        find: '    ...termFields(sale),\n',
        replace: "    ...termFields({ ...sale, status: 'open' }),\n",
      },
    ],
  },
  {
    name: 'rebuilt-with-what-is-held-only',
    leavesOut:
      'that both counters only grow: admitted is what is held, the ceiling what was ever given back too',
    changes: [
      {
        file: gateRebuild,
        find: 'fields.push([`admitted:${sku}`, String(counters.taken)]);',
        replace: 'fields.push([`admitted:${sku}`, String(counters.taken - counters.returned)]);',
      },
      trustsTheGate,
      withoutCheck,
    ],
  },
  {
    name: 'grants-not-made-again',
    leavesOut: 'the settlement after a rebuild that makes the lost grants and denials again',
    changes: [
      {
        file: gateRebuild,
        find: "['journal', String(cursor.position - 1)],",
        replace: "['journal', String(cursor.position)],",
      },
    ],
  },
  {
    name: 'booted-too-early',
    leavesOut: 'that every sale has its gate before the shard opens',
    changes: [
      {
        file: recovery,
        find: '  const live = (await parts.ledger.liveSales())',
        replace: '  await parts.gate.markBooted(shard);\n  const live = (await parts.ledger.liveSales())',
      },
    ],
  },
  // ---- mending ----
  {
    name: 'repairs-at-one-look',
    leavesOut: 'the second look before a repair, and that it looks only where everything was read and heard',
    changes: [
      {
        file: 'packages/pipeline/src/repair.ts',
        find: 'if (!read.drained || read.journalPosition !== at.cursor.position) return',
        replace: 'if (read.entries.length > 1_000_000) return',
      },
      {
        file: 'packages/pipeline/src/repair.ts',
        find: 'if (before?.found !== found) {',
        replace: 'if (before === undefined && found === "") {',
      },
      {
        file: 'packages/pipeline/src/repair.ts',
        find: 'if (now - before.at < afterMs) return',
        replace: 'if (before !== undefined && now < before.at) return',
      },
    ],
  },
  {
    name: 'repairs-what-is-under-way',
    leavesOut: 'the units of entries in the intake, when a repair compares the counters',
    changes: [
      {
        file: 'packages/pipeline/src/repair.ts',
        find: 'const mendings = compareCounters(at.items, read.items, inIntake);',
        replace: 'const mendings = compareCounters(at.items, read.items, new Map());',
      },
    ],
  },
];
