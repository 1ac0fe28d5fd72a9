#!lua
-- Gives members of the lobby their places in line, in the order that was drawn: counter, place, ticket and intake entry
-- in one step, as in admit.lua. Every number of the draw gets exactly one entry, and none before the one before it, so
-- whoever calls twice, late, or beside another changes nothing; until the last has its place, no newcomer is let in.
--
-- KEYS  1 boot, 2 sale, 3 intake, 4 buyers, 5.. tickets, in drawn order
-- ARGV  1 epoch, 2 number of the first ticket, 3 members in all, 4 channel
-- Answer  { 'closed' | 'epoch' | 'behind', 0 }: nothing was looked at, or the gate has not heard of this draw yet;
--         { 'gap' | 'placed', last number that has its place }

local saleKey, intake, buyers = KEYS[2], KEYS[3], KEYS[4]
local epoch, first, members, channel = ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4]

if redis.call('EXISTS', KEYS[1]) == 0 then return { 'closed', 0 } end
local pairsOfSale = redis.call('HGETALL', saleKey)
local sale = {}
for i = 1, #pairsOfSale, 2 do sale[pairsOfSale[i]] = pairsOfSale[i + 1] end
-- A member whose ticket is not back yet would look like one who gave up.
if not sale.epoch or sale.rebuilding or sale.restoring then return { 'closed', 0 } end
if sale.epoch ~= epoch then return { 'epoch', 0 } end
if sale.members ~= members then return { 'behind', 0 } end
local placed = tonumber(sale.placed or 0)
if first > placed + 1 then return { 'gap', placed } end
local start = placed + 1 - first
if start >= #KEYS - 4 then return { 'placed', placed } end

local time = redis.call('TIME')
local now = math.max(tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000), tonumber(sale.time))
local at = string.format('%.0f', now)
local seq, lined, tip, joined = tonumber(sale.seq), tonumber(sale.lined), sale.tip, tonumber(sale.joined)
local cursor, waitlist, over = tonumber(sale.cursor), sale.waitlist == '1', sale.newcomers == 'closed'
local idAt = string.find(KEYS[5], ':ticket:', 1, true) + 8
local admitted, moved = {}, {}

local function fits(lines)
  for _, line in ipairs(lines) do
    local sku = line[1]
    admitted[sku] = admitted[sku] or tonumber(sale['admitted:' .. sku])
    if admitted[sku] + line[2] > tonumber(sale['ceiling:' .. sku]) then return false end
  end
  return true
end

-- Who gave up has a place as well, without units: the ledger then counts every number.
local records, decoded = redis.call('MGET', unpack(KEYS, 5)), {}
local writes, places, claims, units, news = {}, {}, {}, {}, {}
for i = start + 1, #KEYS - 4 do
  local key = KEYS[4 + i]
  local id = string.sub(key, idAt)
  -- A record as in ticket-record.ts.
  local since, buyer, packed, commands = string.match(records[i] or '',
    '^%d+\n[^\n]*\nlobby\n[^\n]*\n[^\n]*\n%d+\n[^\n]*\n(%d+)\n%d+\n%x+\n([^\n]*)\n([^\n]*)\n(.*)$')
  local isMember = since ~= nil
  if not isMember then buyer, packed = '', '[]' end
  -- Most of a lobby wants the same.
  local lines = decoded[packed] or cjson.decode(packed)
  decoded[packed] = lines
  local takes = isMember and not over and fits(lines)
    and not (waitlist and (sale.waiting ~= '0' or joined > cursor))
  seq, placed = seq + 1, placed + 1
  local number = string.format('%.0f', seq)
  if isMember then
    lined = lined + 1
    local claimed = 0
    for _, line in ipairs(lines) do
      claimed = claimed + line[2]
      if takes then
        admitted[line[1]] = admitted[line[1]] + line[2]
        moved[line[1]] = true
      end
    end
    if not takes and waitlist then joined = seq end
    claims[#claims + 1], units[#units + 1] = 'c:' .. buyer, claimed
    news[#news + 1] = id
  end
  local place = string.format('%.0f', lined)
  local entry = 'place\n' .. id .. '\n' .. packed
    .. '\n' .. (takes and '\n1\n' or '\n0\n') .. at .. '\n' .. place
  tip = redis.sha1hex(tip .. '\n' .. entry)
  local n = #writes
  local person = '2\n' .. buyer .. '\n\ndraw.' .. string.format('%.0f', placed) .. '\n'
  writes[n + 1], writes[n + 2], writes[n + 3] = number, person .. entry, tip
  if isMember then
    local p = #places
    places[p + 1], places[p + 2] = key, table.concat({ '2', '', 'queued', '', '', number, epoch, since, place, tip, buyer,
      packed, commands }, '\n')
  end
end

-- Each joined once, so each is in here once.
local before, claimed = #claims > 0 and redis.call('HMGET', buyers, unpack(claims)), {}
for n = 1, #claims do
  claimed[2 * n - 1], claimed[2 * n] = claims[n], tonumber(before[n] or 0) + units[n]
end
local message = sale.journal .. ' 1 ' .. table.concat(news, ' ')
assert(channel and lined and joined, 'an argument or a counter is missing')

for n = 1, #writes, 3 do
  redis.call('XADD', intake, writes[n] .. '-0', 'e', writes[n + 1], 'h', writes[n + 2])
end
if #places > 0 then
  redis.call('MSET', unpack(places))
  redis.call('HSET', buyers, unpack(claimed))
end
local changes = { 'seq', seq, 'lined', lined, 'joined', joined, 'tip', tip, 'time', at, 'placed', placed }
for sku in pairs(moved) do
  changes[#changes + 1] = 'admitted:' .. sku
  changes[#changes + 1] = admitted[sku]
end
redis.call('HSET', saleKey, unpack(changes))
redis.call('PUBLISH', channel, message)
return { 'placed', placed }
