#!lua
-- Gives tickets that an edge acknowledged, and that stand in no log any more, a place again, in the order in which they
-- come: with units while they last, and without them all the same, so that the ledger tells their buyers. Nobody who
-- waits is overtaken; limits are the ledger's to judge, since the buyer was let in before.
--
-- KEYS  1 boot, 2 sale, 3 intake, 4 buyers, 5.. one ticket per request
-- ARGV  as admit.lua; the terms are not compared: the price was promised
-- Answer  a word when nothing was looked at: 'closed' (also while tickets are on their way back: any of these may be among
--         them), 'unknown_sale', 'stale'; else in one text, a field a line, as admit.lua:
--             'admitted', seq, place, tip
--             'again', ticket id, '', ''             the gate has it, or the buyer has another by the same key since
--             'ledger_unavailable', '', '', ''       not now

local boot, saleKey, intake, buyers = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local epoch, longest, requests, items = ARGV[1], tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])

if redis.call('EXISTS', boot) == 0 then return 'closed' end
local pairsOfSale = redis.call('HGETALL', saleKey)
local sale = {}
for i = 1, #pairsOfSale, 2 do sale[pairsOfSale[i]] = pairsOfSale[i + 1] end
if sale.rebuilding or sale.restoring then return 'closed' end
if not sale.epoch then return 'unknown_sale' end
if sale.epoch ~= epoch then return 'stale' end

local time = redis.call('TIME')
local now = math.max(tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000), tonumber(sale.time))
local at = string.format('%.0f', now)
local seq, lined, tip, joined = tonumber(sale.seq), tonumber(sale.lined), sale.tip, tonumber(sale.joined)
local room = longest - (seq - tonumber(sale.cursor))
local isPlacing = sale.members and sale.members ~= (sale.placed or '0')
local lists = ARGV[#ARGV] == 'mine'
assert(requests == #KEYS - 4, 'one ticket per request')
assert(sale.tip and tonumber(sale.journal) and tonumber(sale.decided), 'no gate')
redis.call('XLEN', intake)
redis.call('HLEN', buyers)
local admitted, writes, records, claims, answer = {}, {}, {}, {}, { at, sale.journal, sale.decided }
local known = {}

local function read(field)
  if known[field] == nil then known[field] = redis.call('HGET', buyers, field) end
  return known[field]
end
local function change(field, value)
  known[field] = value
  claims[#claims + 1], claims[#claims + 2] = field, value
end
-- A record that an older gate left behind does not count, as in tickets-read.ts.
local function isThere(ticket)
  local record = redis.call('GET', ticket)
  if not record or not sale.rebuiltAt then return record end
  local wrote, anew = string.match(record, '^' .. string.rep('[^\n]*\n', 6) .. '(%d+) ?(%d*)')
  return (anew ~= '' and anew or wrote) == epoch
end

local cursor = 6 + items
for i = 1, requests do
  local ticket, begin = KEYS[4 + i], cursor
  local buyer, key, fingerprint, head, packed = ARGV[begin], ARGV[begin + 1], ARGV[begin + 2], ARGV[begin + 3], ARGV[begin + 4]
  local lastLine = begin + 4 + 2 * tonumber(ARGV[begin + 5])
  cursor = lastLine + 2
  local id = string.match(ticket, ':ticket:(.*)$')
  local joins = string.sub(head, 1, 5) == 'join\n'
  local field = joins and 'l:' .. buyer or key ~= '' and 'k:' .. buyer .. '\n' .. key
  local word, a, b, c = 'again', id, '', ''
  if isThere(ticket) or field and read(field) then
    word = 'again'
  elseif room <= 0 then
    word, a = 'ledger_unavailable', ''
  else
    local fits, units = not joins and not isPlacing and sale.newcomers ~= 'closed', 0
    if sale.waitlist == '1' and (sale.waiting ~= '0' or joined > tonumber(sale.cursor)) then fits = false end
    for line = begin + 6, lastLine, 2 do
      local sku, quantity = ARGV[5 + tonumber(ARGV[line])], tonumber(ARGV[line + 1])
      assert(quantity > 0 and quantity % 1 == 0 and quantity < 1e9, 'no whole number')
      units = units + quantity
      admitted[sku] = admitted[sku] or tonumber(sale['admitted:' .. sku] or 0)
      if admitted[sku] + quantity > tonumber(sale['ceiling:' .. sku] or 0) then fits = false end
    end
    for line = begin + 6, fits and lastLine or 0, 2 do
      local sku = ARGV[5 + tonumber(ARGV[line])]
      admitted[sku] = admitted[sku] + tonumber(ARGV[line + 1])
    end
    room, seq = room - 1, seq + 1
    if not joins then
      lined = lined + 1
      if not fits then joined = seq end
      change('c:' .. buyer, string.format('%.0f', tonumber(read('c:' .. buyer) or 0) + units))
    end
    if field then change(field, joins and id or id .. ' ' .. fingerprint) end
    if lists then
      local list, ending = read('t:' .. buyer), string.sub(ticket, -22)
      change('t:' .. buyer, string.sub(list and list .. ' ' .. ending or ending, -4599))
    end
    local number, place = string.format('%.0f', seq), joins and '0' or string.format('%.0f', lined)
    local entry = head .. (fits and '\n1\n' or '\n0\n') .. at .. '\n' .. string.format('%.0f', lined)
    tip = redis.sha1hex(tip .. '\n' .. entry)
    writes[#writes + 1] = { number .. '-0', '2\n' .. buyer .. '\n' .. (joins and '' or key) .. '\n\n' .. entry, tip }
    records[#records + 1] = ticket
    -- As in ticket-record.ts.
    records[#records + 1] = table.concat({ '1', '', joins and 'lobby' or 'queued', '', '', number, epoch, at, place, tip,
      buyer, packed, '' }, '\n')
    word, a, b, c = 'admitted', number, place, tip
  end
  local n = 4 * i - 1
  answer[n + 1], answer[n + 2], answer[n + 3], answer[n + 4] = word, a, b, c
end
assert(cursor == #ARGV + (lists and 0 or 1), 'an argument too few or too many')
if #writes == 0 then return table.concat(answer, '\n') end
assert(seq < 1e14 and lined < 1e14, 'no count')

for _, write in ipairs(writes) do redis.call('XADD', intake, write[1], 'e', write[2], 'h', write[3]) end
redis.call('MSET', unpack(records))
local changes = { 'seq', seq, 'lined', lined, 'joined', joined, 'tip', tip, 'time', at }
for sku, units in pairs(admitted) do
  if sale['ceiling:' .. sku] then
    changes[#changes + 1] = 'admitted:' .. sku
    changes[#changes + 1] = units
  end
end
redis.call('HSET', saleKey, unpack(changes))
if #claims > 0 then redis.call('HSET', buyers, unpack(claims)) end
return table.concat(answer, '\n')
