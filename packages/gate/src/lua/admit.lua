#!lua
-- Decides, for up to a batch of requests of one sale, who gets units: counter, place in line, ticket and intake entry
-- in one step. Everything is read and checked first; Lua does not roll back, so after the first write come only
-- commands that cannot fail.
-- What the intake then holds is read by packages/pipeline/src/commit-run.ts.
--
-- KEYS  1 boot, 2 sale, 3 intake, 4 buyers, 5.. one ticket per request
-- ARGV  1 epoch, 2 terms version, 3 longest intake, 4 number of requests,
--       then per request: buyer, idempotency key or '', fingerprint, head of the entry, packed lines, number of lines,
--       and per line: sku, quantity
-- Answer  a word when nothing was looked at: 'closed', 'unknown_sale', 'stale'; else
--         in one text, a field a line: gate time, journal position, reservations decided so far,
--           then per request four fields:
--             'admitted', seq, place, tip
--             'again', ticket id, '', ''             the same request has its ticket already
--             'mismatch', '', '', ''                 the key was used with another body
--             code, sku or opensAt or '', '', ''     a refusal
--
-- Numbers are joined to text as they are: below 10^14 Lua 5.1 writes whole numbers in full.

local boot, saleKey, intake, buyers = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local epoch, terms, longest, requests = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])

if redis.call('EXISTS', boot) == 0 then return 'closed' end

local names = { 'epoch', 'terms', 'rebuilding', 'time', 'newcomers', 'opensAt', 'closesAt', 'limit', 'waitlist', 'waiting',
  'joined', 'seq', 'lined', 'decided', 'tip', 'cursor', 'journal' }
local fixed = #names
local items, skus = {}, {}
local asked = {}
local cursor = 5
for i = 1, requests do
  local lines, units = {}, 0
  local count = tonumber(ARGV[cursor + 5])
  for line = 1, count do
    local sku, quantity = ARGV[cursor + 4 + 2 * line], tonumber(ARGV[cursor + 5 + 2 * line])
    local item = items[sku]
    if not item then
      item = { sku = sku }
      items[sku] = item
      skus[#skus + 1] = item
      local n = #names
      names[n + 1], names[n + 2], names[n + 3] = 'ceiling:' .. sku, 'admitted:' .. sku, 'stock:' .. sku
    end
    lines[line] = { item = item, quantity = quantity }
    units = units + quantity
  end
  asked[i] = {
    ticket = KEYS[4 + i], buyer = ARGV[cursor], key = ARGV[cursor + 1], fingerprint = ARGV[cursor + 2],
    head = ARGV[cursor + 3], packed = ARGV[cursor + 4], lines = lines, units = units,
  }
  cursor = cursor + 6 + 2 * count
end

local sale = {}
local values = redis.call('HMGET', saleKey, unpack(names))
for i = 1, fixed do sale[names[i]] = values[i] end
if sale.rebuilding then return 'closed' end
if not sale.epoch then return 'unknown_sale' end
if sale.epoch ~= epoch or sale.terms ~= terms then return 'stale' end
for i, item in ipairs(skus) do
  local at = fixed + 3 * (i - 1)
  if not values[at + 1] then return 'stale' end
  item.ceiling, item.admitted, item.stock = tonumber(values[at + 1]), tonumber(values[at + 2]), tonumber(values[at + 3])
end

local time = redis.call('TIME')
local now = math.max(tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000), tonumber(sale.time))

local function standing()
  if sale.newcomers ~= '' then return sale.newcomers, sale.opensAt end
  if sale.opensAt ~= '' and now < tonumber(sale.opensAt) then return 'not_open', sale.opensAt end
  if sale.closesAt ~= '' and now >= tonumber(sale.closesAt) then return 'closed', '' end
  return nil
end
local refusal, refusalDetail = standing()
local limit = tonumber(sale.limit)

-- One look at the tickets of the whole batch, one at its buyers.
local ticketKeys = {}
for i = 1, requests do ticketKeys[i] = asked[i].ticket end
local resent = redis.call('EXISTS', unpack(ticketKeys)) > 0

local fields, known = {}, {}
local function need(field)
  if known[field] == nil then
    known[field] = false
    fields[#fields + 1] = field
  end
end
for i = 1, requests do
  local request = asked[i]
  if request.buyer ~= '' then
    request.claimed = 'c:' .. request.buyer
    need(request.claimed)
    if limit then need('r:' .. request.buyer) end
  end
  if request.key ~= '' then
    request.keyField = 'k:' .. request.buyer .. '\n' .. request.key
    need(request.keyField)
  end
end
if #fields > 0 then
  local found = redis.call('HMGET', buyers, unpack(fields))
  for i = 1, #fields do known[fields[i]] = found[i] end
end

local seq, lined, tip = tonumber(sale.seq), tonumber(sale.lined), sale.tip
local decidedCursor, joined = tonumber(sale.cursor), tonumber(sale.joined)
local room = longest - (seq - decidedCursor)
local changedBuyers = {}
local answer = { now, tonumber(sale.journal), tonumber(sale.decided) }
local writes = {}

local function idOf(ticketKey)
  return string.match(ticketKey, ':ticket:(.*)$')
end

local function firstMissing(lines)
  for _, line in ipairs(lines) do
    if line.item.admitted + line.quantity > line.item.ceiling then return line.item.sku end
  end
  return nil
end

-- Those in the ledger's line, and those who joined it in entries that are not decided yet.
local function someoneWaits()
  return sale.waiting ~= '0' or joined > decidedCursor
end

-- A party that is larger than all of the stock would wait for ever.
local function canEverFit(lines)
  for _, line in ipairs(lines) do
    if line.quantity > line.item.stock then return false end
  end
  return true
end

-- Repeats before refusals, and these in the order that the contract promises.
local function decide(request)
  if resent and redis.call('EXISTS', request.ticket) == 1 then return 'again', idOf(request.ticket) end
  local keyField = request.keyField
  if keyField and known[keyField] then
    local ticket, fingerprint = string.match(known[keyField], '^(%S+) (%S*)$')
    if fingerprint ~= request.fingerprint then return 'mismatch' end
    return 'again', ticket
  end
  local house = request.buyer == ''
  if refusal and not house then return refusal, refusalDetail end
  if room <= 0 then return 'ledger_unavailable' end
  local claimed = 0
  if not house then
    claimed = tonumber(known[request.claimed] or 0) + request.units
    if limit and claimed - tonumber(known['r:' .. request.buyer] or 0) > limit then return 'limit_reached' end
  end
  local missing = firstMissing(request.lines)
  local joins = not house and sale.waitlist == '1' and canEverFit(request.lines)
  if missing and not joins then return 'sold_out', missing end

  local takes = not missing and (not joins or not someoneWaits())
  if takes then
    for _, line in ipairs(request.lines) do
      line.item.admitted = line.item.admitted + line.quantity
      line.item.changed = true
    end
  end
  room, seq, lined = room - 1, seq + 1, lined + 1
  if not takes then joined = seq end
  if not house then
    known[request.claimed] = claimed
    changedBuyers[request.claimed] = true
  end
  if keyField then
    known[keyField] = idOf(request.ticket) .. ' ' .. request.fingerprint
    changedBuyers[keyField] = true
  end
  local entry = request.head .. (takes and '\n1\n' or '\n0\n') .. now .. '\n' .. lined
  tip = redis.sha1hex(tip .. '\n' .. entry)
  writes[#writes + 1] = { request, seq, entry, tip, lined }
  return 'admitted', seq, lined, tip
end

for i = 1, requests do
  local word, a, b, c = decide(asked[i])
  local n = 4 * i - 1
  answer[n + 1], answer[n + 2], answer[n + 3], answer[n + 4] = word, a or '', b or '', c or ''
end
if #writes == 0 then return table.concat(answer, '\n') end

for i = 1, #writes do
  local write = writes[i]
  redis.call('XADD', intake, write[2] .. '-0', 'e', write[3], 'h', write[4])
end
for i = 1, #writes do
  local write = writes[i]
  local request = write[1]
  redis.call('HSET', request.ticket, 'status', 'queued', 'v', '1', 'seq', write[2], 'epoch', epoch,
    'buyer', request.buyer, 'order', now .. ' ' .. write[5] .. ' ' .. request.packed, 'tip', write[4])
end
local changes = { 'seq', seq, 'lined', lined, 'joined', joined, 'tip', tip, 'time', now }
for _, item in ipairs(skus) do
  if item.changed then
    changes[#changes + 1] = 'admitted:' .. item.sku
    changes[#changes + 1] = item.admitted
  end
end
redis.call('HSET', saleKey, unpack(changes))
local claims = {}
for field in pairs(changedBuyers) do
  claims[#claims + 1] = field
  claims[#claims + 1] = known[field]
end
if #claims > 0 then redis.call('HSET', buyers, unpack(claims)) end
return table.concat(answer, '\n')
