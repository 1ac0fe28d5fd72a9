#!lua
-- Decides, for up to a batch of requests of one sale, who gets units: counter, place in line, ticket and intake entry
-- in one step. Everything is read and checked first; Lua does not roll back, so after the first write come only
-- commands that cannot fail.
-- What the intake then holds is read by packages/pipeline/src/commit-run.ts.
--
-- KEYS  1 boot, 2 sale, 3 intake, 4 buyers, 5.. one ticket per request
-- ARGV  1 epoch, 2 terms version, 3 longest intake, 4 number of requests, 5 number of items, then their skus,
--       then per request: buyer, idempotency key or '', fingerprint, head of the entry, packed lines, number of lines,
--       and per line: number of the item (1 is the first sku), quantity; and last 'mine' where tickets are listed per
--       buyer (t: in the hash of buyers, the last 22 letters of each id)
-- Answer  a word when nothing was looked at: 'closed', 'unknown_sale', 'stale'; else
--         in one text, a field a line: gate time, journal position, reservations decided so far,
--           then per request four fields:
--             'admitted', seq, place, tip
--             'again', ticket id, '', ''             the same request has its ticket already
--             'mismatch', '', '', ''                 the key was used with another body
--             code, sku or opensAt or '', '', ''     a refusal
--
-- The hottest lines of the house: they walk ARGV where it stands, since a table per request costs more than its check,
-- and make the text of a number once, since Redis prints every number that a command is given.

local boot, saleKey, intake, buyers = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local epoch, terms, longest = ARGV[1], ARGV[2], tonumber(ARGV[3])
local requests, items = tonumber(ARGV[4]), tonumber(ARGV[5])

if redis.call('EXISTS', boot) == 0 then return 'closed' end

local names = { 'epoch', 'terms', 'rebuilding', 'time', 'newcomers', 'opensAt', 'closesAt', 'limit', 'waitlist', 'waiting',
  'joined', 'seq', 'lined', 'decided', 'tip', 'cursor', 'journal', 'members', 'placed' }
local fixed = #names
for item = 1, items do
  local sku, n = ARGV[5 + item], fixed + 3 * item
  names[n - 2], names[n - 1], names[n] = 'ceiling:' .. sku, 'admitted:' .. sku, 'stock:' .. sku
end
local sale = {}
local values = redis.call('HMGET', saleKey, unpack(names))
for i = 1, fixed do sale[names[i]] = values[i] end
if sale.rebuilding then return 'closed' end
if not sale.epoch then return 'unknown_sale' end
if sale.epoch ~= epoch or sale.terms ~= terms then return 'stale' end
local ceiling, admitted, stock, moved = {}, {}, {}, {}
for item = 1, items do
  local n = fixed + 3 * item
  if not values[n - 2] then return 'stale' end
  ceiling[item], admitted[item], stock[item] = tonumber(values[n - 2]), tonumber(values[n - 1]), tonumber(values[n])
end

local time = redis.call('TIME')
local now = math.max(tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000), tonumber(sale.time))
local at = string.format('%.0f', now)

local function standing()
  if sale.newcomers ~= '' then return sale.newcomers, sale.opensAt end
  -- Nobody comes before the members of a lobby who have no place in line yet.
  if sale.members and sale.members ~= (sale.placed or '0') then return 'not_open', '' end
  if sale.opensAt ~= '' and now < tonumber(sale.opensAt) then return 'not_open', sale.opensAt end
  if sale.closesAt ~= '' and now >= tonumber(sale.closesAt) then return 'closed', '' end
  return nil
end
local refusal, refusalDetail = standing()
local limit = tonumber(sale.limit)

-- One look at the tickets of the whole batch, one at its buyers.
local resent = redis.call('EXISTS', unpack(KEYS, 5)) > 0

local lists = ARGV[#ARGV] == 'mine'

local begins, fields, known = {}, {}, {}
local cursor = 6 + items
assert(requests == #KEYS - 4, 'one ticket per request')
for i = 1, requests do
  local buyer, key = ARGV[cursor], ARGV[cursor + 1]
  if buyer ~= '' then
    fields[#fields + 1] = 'c:' .. buyer
    if limit then fields[#fields + 1] = 'r:' .. buyer end
    if lists then fields[#fields + 1] = 't:' .. buyer end
  end
  if key ~= '' then fields[#fields + 1] = 'k:' .. buyer .. '\n' .. key end
  begins[i] = cursor
  cursor = cursor + 6 + 2 * tonumber(ARGV[cursor + 5])
end
assert(cursor == #ARGV + (lists and 0 or 1), 'as many arguments as the requests have')
if #fields > 0 then
  local found = redis.call('HMGET', buyers, unpack(fields))
  for i = 1, #fields do known[fields[i]] = found[i] end
end

local seq, lined, tip = tonumber(sale.seq), tonumber(sale.lined), sale.tip
local decidedCursor, joined = tonumber(sale.cursor), tonumber(sale.joined)
local room = longest - (seq - decidedCursor)
local answer = { at, sale.journal, sale.decided }
-- Per admission, side by side: which request, seq, entry, tip, place.
local writes = {}
local claims = {}

local function idOf(ticketKey)
  return string.match(ticketKey, ':ticket:(.*)$')
end

-- Those in the ledger's line, and those who joined it in entries that are not decided yet.
local function someoneWaits()
  return sale.waiting ~= '0' or joined > decidedCursor
end

-- Repeats before refusals, and these in the order that the contract promises.
local function decide(i)
  local ticket, begin = KEYS[4 + i], begins[i]
  if resent and redis.call('EXISTS', ticket) == 1 then return 'again', idOf(ticket) end
  local buyer, key, fingerprint = ARGV[begin], ARGV[begin + 1], ARGV[begin + 2]
  local keyField
  if key ~= '' then
    keyField = 'k:' .. buyer .. '\n' .. key
    if known[keyField] then
      local before, sameAs = string.match(known[keyField], '^(%S+) (%S*)$')
      if sameAs ~= fingerprint then return 'mismatch' end
      return 'again', before
    end
  end
  local house = buyer == ''
  if refusal and not house then return refusal, refusalDetail end
  if room <= 0 then return 'ledger_unavailable' end

  local firstLine, lastLine = begin + 6, begin + 4 + 2 * tonumber(ARGV[begin + 5])
  -- A party that is larger than all of the stock would wait for ever.
  local units, missing, canEverFit = 0, nil, true
  for line = firstLine, lastLine, 2 do
    local item, quantity = tonumber(ARGV[line]), tonumber(ARGV[line + 1])
    units = units + quantity
    if not missing and admitted[item] + quantity > ceiling[item] then missing = item end
    if quantity > stock[item] then canEverFit = false end
  end
  local claimField, claimed
  if not house then
    claimField = 'c:' .. buyer
    claimed = tonumber(known[claimField] or 0) + units
    if limit and claimed - tonumber(known['r:' .. buyer] or 0) > limit then return 'limit_reached' end
  end
  local joins = not house and sale.waitlist == '1' and canEverFit
  if missing and not joins then return 'sold_out', ARGV[5 + missing] end

  local takes = not missing and (not joins or not someoneWaits())
  if takes then
    for line = firstLine, lastLine, 2 do
      local item = tonumber(ARGV[line])
      admitted[item] = admitted[item] + tonumber(ARGV[line + 1])
      moved[item] = true
    end
  end
  room, seq, lined = room - 1, seq + 1, lined + 1
  if not takes then joined = seq end
  if claimField then
    known[claimField] = claimed
    claims[#claims + 1] = claimField
  end
  if keyField then
    known[keyField] = idOf(ticket) .. ' ' .. fingerprint
    claims[#claims + 1] = keyField
  end
  if lists and not house then
    local list, ending = 't:' .. buyer, string.sub(ticket, -22)
    -- The newest two hundred.
    known[list] = string.sub(known[list] and known[list] .. ' ' .. ending or ending, -4599)
    claims[#claims + 1] = list
  end
  local number, place = string.format('%.0f', seq), string.format('%.0f', lined)
  local head, tail = ARGV[begin + 3], (takes and '\n1\n' or '\n0\n') .. at .. '\n' .. place
  tip = redis.sha1hex(tip .. '\n' .. head .. tail)
  local n = #writes
  -- The person stands before what is chained: a chain that covered a name would confirm whoever guesses it.
  writes[n + 1], writes[n + 2], writes[n + 3], writes[n + 4], writes[n + 5] =
    i, number, '2\n' .. buyer .. '\n' .. key .. '\n\n' .. head .. tail, tip, place
  return 'admitted', number, place, tip
end

for i = 1, requests do
  local word, a, b, c = decide(i)
  local n = 4 * i - 1
  answer[n + 1], answer[n + 2], answer[n + 3], answer[n + 4] = word, a or '', b or '', c or ''
end
-- Put together before anything is written: this may fail, and what comes after may not.
local reply = table.concat(answer, '\n')
if #writes == 0 then return reply end

for n = 1, #writes, 5 do
  redis.call('XADD', intake, writes[n + 1] .. '-0', 'e', writes[n + 2], 'h', writes[n + 3])
end
-- Records as in ticket-record.ts, all by one command: a command for each costs half as much again as all of the rest.
local records = {}
for n = 1, #writes, 5 do
  local i = writes[n]
  local begin = begins[i]
  local r = #records
  records[r + 1] = KEYS[4 + i]
  records[r + 2] = '1\n\nqueued\n\n\n' .. writes[n + 1] .. '\n' .. epoch .. '\n' .. at .. '\n' .. writes[n + 4] .. '\n'
    .. writes[n + 3] .. '\n' .. ARGV[begin] .. '\n' .. ARGV[begin + 4] .. '\n'
end
redis.call('MSET', unpack(records))
-- Numbers are given as they are: below 10^14 Redis writes whole numbers in full.
local changes = { 'seq', seq, 'lined', lined, 'joined', joined, 'tip', tip, 'time', at }
for item = 1, items do
  if moved[item] then
    changes[#changes + 1] = 'admitted:' .. ARGV[5 + item]
    changes[#changes + 1] = admitted[item]
  end
end
redis.call('HSET', saleKey, unpack(changes))
if #claims > 0 then
  local claimed = {}
  for n = 1, #claims do claimed[2 * n - 1], claimed[2 * n] = claims[n], known[claims[n]] end
  redis.call('HSET', buyers, unpack(claimed))
end
return reply
