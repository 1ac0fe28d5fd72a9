#!lua
-- Gives up to a batch of buyers their place in the lobby, each once, whatever key they bring: no units, and no place in
-- line before the draw. Called, and answered, like admit.lua.
--
-- KEYS  1 boot, 2 sale, 3 intake, 4 buyers, 5.. one ticket per request
-- ARGV  as admit.lua; keys and fingerprints are not looked at
-- Answer  as admit.lua: 'admitted', seq, '0', tip; 'again', ticket id, '', ''; or a refusal

local boot, saleKey, intake, buyers = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local epoch, terms, longest = ARGV[1], ARGV[2], tonumber(ARGV[3])
local requests, items = tonumber(ARGV[4]), tonumber(ARGV[5])

if redis.call('EXISTS', boot) == 0 then return 'closed' end

local names = { 'epoch', 'terms', 'rebuilding', 'time', 'status', 'opensAt', 'limit', 'members', 'placed', 'seq', 'lined',
  'decided', 'tip', 'cursor', 'journal' }
local fixed = #names
for item = 1, items do names[fixed + item] = 'stock:' .. ARGV[5 + item] end
local sale = {}
local values = redis.call('HMGET', saleKey, unpack(names))
for i = 1, fixed do sale[names[i]] = values[i] end
if sale.rebuilding then return 'closed' end
if not sale.epoch then return 'unknown_sale' end
if sale.epoch ~= epoch or sale.terms ~= terms then return 'stale' end
for item = 1, items do
  if not values[fixed + item] then return 'stale' end
end

local time = redis.call('TIME')
local now = math.max(tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000), tonumber(sale.time))
local at = string.format('%.0f', now)

-- The opening time ends the lobby by this clock, so that nobody need be awake for it.
local function standing()
  local status, isTime = sale.status, sale.opensAt ~= '' and now >= tonumber(sale.opensAt)
  if status == 'closed' or status == 'settled' or status == 'cancelled' then return 'closed', '' end
  if status == 'lobby' then
    if isTime then return 'not_open', '' end
    return nil
  end
  if sale.members and sale.members ~= (sale.placed or '0') then return 'not_open', '' end
  if status == 'open' or status == 'paused' or isTime then return 'invalid_transition', '' end
  return 'not_open', sale.opensAt
end
local refusal, refusalDetail = standing()
local limit = tonumber(sale.limit)
local resent = redis.call('EXISTS', unpack(KEYS, 5)) > 0

local begins, fields, known = {}, {}, {}
local cursor = 6 + items
assert(requests == #KEYS - 4, 'one ticket per request')
for i = 1, requests do
  begins[i] = cursor
  fields[i] = 'l:' .. ARGV[cursor]
  cursor = cursor + 6 + 2 * tonumber(ARGV[cursor + 5])
end
assert(cursor == #ARGV + (ARGV[#ARGV] == 'mine' and 0 or 1), 'as many arguments as the requests have')
local found = redis.call('HMGET', buyers, unpack(fields))
for i = 1, requests do known[fields[i]] = found[i] end

local lists = {}
if ARGV[#ARGV] == 'mine' then
  for i = 1, requests do lists[i] = 't:' .. ARGV[begins[i]] end
  local mine = redis.call('HMGET', buyers, unpack(lists))
  for i = 1, requests do known[lists[i]] = mine[i] end
end

local seq, tip = tonumber(sale.seq), sale.tip
local room = longest - (seq - tonumber(sale.cursor))
local answer = { at, sale.journal, sale.decided }
local writes, members = {}, {}

local function idOf(ticketKey)
  return string.match(ticketKey, ':ticket:(.*)$')
end

local function decide(i)
  local ticket, begin, member = KEYS[4 + i], begins[i], fields[i]
  if resent and redis.call('EXISTS', ticket) == 1 then return 'again', idOf(ticket) end
  if known[member] then return 'again', known[member] end
  if refusal then return refusal, refusalDetail end
  if room <= 0 then return 'ledger_unavailable' end
  local units, missing = 0, nil
  for line = begin + 6, begin + 4 + 2 * tonumber(ARGV[begin + 5]), 2 do
    local item, quantity = tonumber(ARGV[line]), tonumber(ARGV[line + 1])
    units = units + quantity
    if not missing and quantity > tonumber(values[fixed + item]) then missing = item end
  end
  if limit and units > limit then return 'limit_reached' end
  -- Larger than all of the stock: no draw could help.
  if missing then return 'sold_out', ARGV[5 + missing] end

  room, seq = room - 1, seq + 1
  local number, id = string.format('%.0f', seq), idOf(ticket)
  local entry = ARGV[begin + 3] .. '\n0\n' .. at .. '\n' .. sale.lined
  tip = redis.sha1hex(tip .. '\n' .. entry)
  known[member] = id
  members[#members + 1], members[#members + 2] = member, id
  local list, ending = lists[i], string.sub(id, -22)
  if list then
    known[list] = string.sub(known[list] and known[list] .. ' ' .. ending or ending, -4599)
    members[#members + 1], members[#members + 2] = list, known[list]
  end
  local n = #writes
  writes[n + 1], writes[n + 2], writes[n + 3], writes[n + 4] = i, number, '2\n' .. ARGV[begin] .. '\n\n\n' .. entry, tip
  return 'admitted', number, '0', tip
end

for i = 1, requests do
  local word, a, b, c = decide(i)
  local n = 4 * i - 1
  answer[n + 1], answer[n + 2], answer[n + 3], answer[n + 4] = word, a or '', b or '', c or ''
end
-- Put together before anything is written: this may fail, and what comes after may not.
local reply = table.concat(answer, '\n')
if #writes == 0 then return reply end

for n = 1, #writes, 4 do
  redis.call('XADD', intake, writes[n + 1] .. '-0', 'e', writes[n + 2], 'h', writes[n + 3])
end
-- Records as in ticket-record.ts.
local records = {}
for n = 1, #writes, 4 do
  local i = writes[n]
  local begin = begins[i]
  local r = #records
  records[r + 1] = KEYS[4 + i]
  records[r + 2] = table.concat({ '1', '', 'lobby', '', '', writes[n + 1], epoch, at, '0', writes[n + 3], ARGV[begin],
    ARGV[begin + 4], '' }, '\n')
end
redis.call('MSET', unpack(records))
redis.call('HSET', saleKey, 'seq', seq, 'tip', tip, 'time', at)
redis.call('HSET', buyers, unpack(members))
return reply
