#!lua flags=allow-oom
-- Applies a piece of the journal to the gate: ticket states by version, what buyers gave back and the ceilings by
-- maximum; so applying it twice, or late, changes nothing. In the same step what came back is granted to those who
-- wait, in order, all lines or nothing: no newcomer can come between. Then the intake is trimmed up to the cursor,
-- whose own entry stays as the anchor of the chain.
--
-- KEYS  1 boot, 2 sale, 3 intake, 4 buyers, 5.. tickets that changed, then tickets that wait, and last: moved
-- ARGV  1 epoch, 2 cursor, 3 the ledger's tip there, 4 journal position before, 5 after, 6 for the last piece the journal's count and head, else '',
--       7 how long a final ticket stays readable (ms), 8 channel, 9 number of tickets, items, buyers, terms fields and
--       those who wait (five arguments, 9 to 13), then
--       per ticket: version, three lines of its record (status, deadline, reason), final '1' or '0', number of outcomes,
--                   and per outcome: command id, word
--       per item: sku, ceiling, stock
--       per buyer: buyer, units given back
--       terms: field, value ... (applied when their version is newer; the first pair is the version)
--       per waiting: ticket id, buyer, units to claim for a late payer or 0, number of lines, and per line: sku, quantity
-- Answer  { 'closed' | 'epoch' | 'behind' | 'chain' | 'gap', journal position }, or { 'settled', journal position, granted }

local saleKey, intake, buyers = KEYS[2], KEYS[3], KEYS[4]
local epoch, ledgerCursor, ledgerTip = ARGV[1], tonumber(ARGV[2]), ARGV[3]
local from, to, last = tonumber(ARGV[4]), tonumber(ARGV[5]), ARGV[6] ~= ''
local retention, channel = ARGV[7], ARGV[8]
local tickets, items, released, termFields, waiting =
  tonumber(ARGV[9]), tonumber(ARGV[10]), tonumber(ARGV[11]), tonumber(ARGV[12]), tonumber(ARGV[13])
local position = 13
local function take()
  position = position + 1
  return ARGV[position]
end

if redis.call('EXISTS', KEYS[1]) == 0 then return { 'closed', 0 } end
local pairsOfSale = redis.call('HGETALL', saleKey)
local sale = {}
for i = 1, #pairsOfSale, 2 do sale[pairsOfSale[i]] = pairsOfSale[i + 1] end
if not sale.epoch or sale.rebuilding then return { 'closed', 0 } end
local journal = tonumber(sale.journal)
if sale.epoch ~= epoch then return { 'epoch', journal } end
local seq, tip = tonumber(sale.seq), sale.tip
if seq < ledgerCursor then return { 'behind', journal } end
local anchor = redis.call('XRANGE', intake, ARGV[2] .. '-0', ARGV[2] .. '-0')[1]
if anchor then
  if anchor[2][4] ~= ledgerTip then return { 'chain', journal } end
elseif seq == ledgerCursor then
  if tip ~= ledgerTip then return { 'chain', journal } end
elseif ledgerCursor >= tonumber(sale.cursor) then
  -- No anchor, and no newer settlement that trimmed it: what follows must continue the ledger's chain.
  local first = redis.call('XRANGE', intake, '-', '+', 'COUNT', 1)[1]
  local continues = first and first[1] == string.format('%.0f-0', ledgerCursor + 1)
    and first[2][4] == redis.sha1hex(ledgerTip .. '\n' .. (string.match(first[2][2], '^[^\n]*\n[^\n]*\n[^\n]*\n[^\n]*\n(.*)$') or first[2][2]))
  if not continues then return { 'chain', journal } end
end
if journal < from then return { 'gap', journal } end

-- Records as in ticket-record.ts: read by one command, and written by one.
local changed, news = {}, {}
local known = tickets == 0 and {} or redis.call('MGET', unpack(KEYS, 5, 4 + tickets))
local records, ending = {}, {}
local function withOutcome(commands, id, word)
  local found = string.find(commands, ' ' .. id .. '\n', 1, true)
  if not found then return commands .. word .. ' ' .. id .. '\n' end
  local before = string.match(string.sub(commands, 1, found - 1), '^(.-)[^\n]*$')
  return before .. word .. string.sub(commands, found)
end
-- A ticket that is not back yet is not written, since a piece of the journal does not know all of it; but noted, so that
-- no row that was read before this covers it.
local function isBack(record)
  if not sale.restoring then return record end
  local wrote, anew = string.match(record or '', '^' .. string.rep('[^\n]*\n', 6) .. '(%d+) ?(%d*)')
  return (anew ~= '' and anew or wrote) == epoch and record
end
local idAt = tickets > 0 and string.find(KEYS[5], ':ticket:', 1, true) + 8
for i = 1, tickets do
  local version, state, final, outcomes = take(), take(), take(), tonumber(take())
  local record = isBack(known[i])
  if record then
    local _, stateEnd, current, granting = string.find(record, '^(%d+)\n([^\n]*)\n[^\n]*\n[^\n]*\n[^\n]*\n')
    local isNewer = tonumber(current) < tonumber(version)
    local place = string.sub(record, stateEnd + 1)
    state = isNewer and version .. '\n' .. granting .. '\n' .. state or string.sub(record, 1, stateEnd)
    if outcomes > 0 then
      local before, commands = string.match(place, '^(' .. string.rep('[^\n]*\n', 7) .. ')(.*)$')
      for _ = 1, outcomes do commands = withOutcome(commands, take(), take()) end
      place = before .. commands
    end
    if isNewer then
      -- What is written anew has no end any more: one who paid late comes back from a final state.
      local n = #records
      records[n + 1], records[n + 2] = KEYS[4 + i], state .. place
      if final == '1' then ending[#ending + 1] = KEYS[4 + i] end
    elseif outcomes > 0 then
      redis.call('SET', KEYS[4 + i], state .. place, 'KEEPTTL')
    end
    if isNewer or outcomes > 0 then news[#news + 1] = string.sub(KEYS[4 + i], idAt) end
  else
    position = position + 2 * outcomes
  end
end
if #records > 0 then redis.call('MSET', unpack(records)) end
if sale.restoring and tickets > 0 then
  local moves = {}
  for i = 1, tickets do moves[2 * i - 1], moves[2 * i] = string.sub(KEYS[4 + i], idAt), ARGV[5] end
  redis.call('HSET', KEYS[#KEYS], unpack(moves))
end
for i = 1, #ending do redis.call('PEXPIRE', ending[i], retention) end
local moved = false
for _ = 1, items do
  local sku, ceiling, stock = take(), take(), take()
  if tonumber(ceiling) > tonumber(sale['ceiling:' .. sku] or -1) then
    sale['ceiling:' .. sku] = ceiling
    changed[#changed + 1] = 'ceiling:' .. sku
    changed[#changed + 1] = ceiling
    if not sale['admitted:' .. sku] then
      sale['admitted:' .. sku] = '0'
      changed[#changed + 1] = 'admitted:' .. sku
      changed[#changed + 1] = '0'
    end
    moved = true
  end
  if stock ~= sale['stock:' .. sku] then
    changed[#changed + 1] = 'stock:' .. sku
    changed[#changed + 1] = stock
  end
end
for _ = 1, released do
  local field, units = 'r:' .. take(), take()
  -- One that is late has nothing new to say, and could name a buyer who was forgotten since.
  if to > journal then
    local current = redis.call('HGET', buyers, field)
    if not current or tonumber(current) < tonumber(units) then redis.call('HSET', buyers, field, units) end
  end
end
local newerTerms = termFields > 0 and tonumber(ARGV[position + 2]) > tonumber(sale.terms)
for _ = 1, termFields do
  local field, value = take(), take()
  if newerTerms then
    changed[#changed + 1] = field
    changed[#changed + 1] = value
    moved = true
  end
end

if to > journal then journal = to end
local time = redis.call('TIME')
local now = math.max(tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000), tonumber(sale.time))
local at = string.format('%.0f', now)

-- Grants: only with the whole journal applied, or a unit could go to one who has given up.
local granted = 0
if last and to == journal then
  changed[#changed + 1] = 'head'
  changed[#changed + 1] = ARGV[6]
  local open = 0
  for w = 1, waiting do
    local id, buyer, lateUnits, count = take(), take(), tonumber(take()), tonumber(take())
    local lines, fits = {}, true
    for line = 1, count do
      local sku, quantity = take(), tonumber(take())
      lines[line] = { sku, quantity }
      if tonumber(sale['admitted:' .. sku]) + quantity > tonumber(sale['ceiling:' .. sku]) then fits = false end
    end
    local key = KEYS[4 + tickets + w]
    local record = isBack(redis.call('GET', key))
    local asked = record and tonumber(string.match(record, '^%d+\n(%d+)\n')) or 0
    local late = lateUnits > 0
    if late and sale.limit ~= '' and fits then
      local claim = redis.call('HMGET', buyers, 'c:' .. buyer, 'r:' .. buyer)
      if tonumber(claim[1] or 0) - tonumber(claim[2] or 0) + lateUnits > tonumber(sale.limit) then fits = false end
    end
    if asked <= ledgerCursor and (fits or late) and (record or not sale.restoring) then
      seq = seq + 1
      local kind = fits and 'grant' or 'deny'
      local number = string.format('%.0f', seq)
      local commandId = 'g' .. epoch .. '.' .. number
      local entry = table.concat({ kind, id, '', late and 'late' or '', fits and '1' or '0', at, sale.lined }, '\n')
      tip = redis.sha1hex(tip .. '\n' .. entry)
      redis.call('XADD', intake, number .. '-0', 'e', '2\n\n\n' .. commandId .. '\n' .. entry, 'h', tip)
      if record then
        redis.call('SET', key, (string.gsub(record, '^(%d+)\n[^\n]*', '%1\n' .. number, 1)), 'KEEPTTL')
      end
      if fits then
        granted = granted + 1
        for _, line in ipairs(lines) do
          local field = 'admitted:' .. line[1]
          sale[field] = string.format('%.0f', tonumber(sale[field]) + line[2])
          changed[#changed + 1] = field
          changed[#changed + 1] = sale[field]
        end
        if late then redis.call('HINCRBY', buyers, 'c:' .. buyer, lateUnits) end
      end
    end
    if not late then open = open + 1 end
  end
  changed[#changed + 1] = 'waiting'
  changed[#changed + 1] = string.format('%.0f', open)
end

changed[#changed + 1] = 'journal'
changed[#changed + 1] = string.format('%.0f', journal)
changed[#changed + 1] = 'seq'
changed[#changed + 1] = string.format('%.0f', seq)
changed[#changed + 1] = 'tip'
changed[#changed + 1] = tip
changed[#changed + 1] = 'time'
changed[#changed + 1] = at
if ledgerCursor > tonumber(sale.cursor) then
  changed[#changed + 1] = 'cursor'
  changed[#changed + 1] = string.format('%.0f', ledgerCursor)
end
if anchor then
  -- An entry that was set aside may end with anything.
  local decided = string.match(anchor[2][2], '\n[01]\n%d+\n(%d+)$')
  if decided and tonumber(decided) > tonumber(sale.decided) then
    changed[#changed + 1] = 'decided'
    changed[#changed + 1] = decided
  end
end
redis.call('HSET', saleKey, unpack(changed))
redis.call('XTRIM', intake, 'MINID', ARGV[2] .. '-0')
if moved or #news > 0 then
  redis.call('PUBLISH', channel, string.format('%.0f', journal) .. ' ' .. (moved and '1' or '0') .. ' ' .. table.concat(news, ' '))
end
return { 'settled', journal, granted }
