#!lua
-- Decides, for up to a batch of requests of one sale, who gets units: counter, place in line, ticket and intake entry
-- in one step. Everything is read and checked first; Lua does not roll back, so after the first write come only
-- commands that cannot fail.
--
-- KEYS  1 boot, 2 sale, 3 intake, 4 buyers, 5.. one ticket per request
-- ARGV  1 epoch, 2 terms version, 3 longest intake, 4 number of requests,
--       then per request: buyer, idempotency key or '', fingerprint, head of the entry, lines as stored in the ticket,
--       number of lines, and per line: sku, quantity
-- Answer  a word when nothing was looked at: 'closed', 'unknown_sale', 'stale'; else
--         { gate time, journal position, reservations decided so far,
--           then per request four fields:
--             'admitted', seq, place, tip
--             'again', ticket id, '', ''             the same request has its ticket already
--             'mismatch', '', '', ''                 the key was used with another body
--             code, sku or opensAt or '', '', '' }   a refusal

local boot, saleKey, intake, buyers = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local epoch, terms, longest, requests = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])

if redis.call('EXISTS', boot) == 0 then return 'closed' end
local asked, fields, seen = {}, {}, {}
local names = { 'epoch', 'terms', 'rebuilding', 'time', 'newcomers', 'opensAt', 'closesAt', 'limit', 'waitlist', 'waiting',
  'joined', 'seq', 'lined', 'decided', 'tip', 'cursor', 'journal' }
local function need(list, field)
  if not seen[field] then
    seen[field] = true
    list[#list + 1] = field
  end
end
local cursor = 5
for i = 1, requests do
  local lines, units = {}, 0
  local count = tonumber(ARGV[cursor + 5])
  for line = 1, count do
    local sku, quantity = ARGV[cursor + 4 + 2 * line], tonumber(ARGV[cursor + 5 + 2 * line])
    lines[line] = { sku, quantity }
    units = units + quantity
    need(names, 'ceiling:' .. sku)
    need(names, 'admitted:' .. sku)
    need(names, 'stock:' .. sku)
  end
  local request = {
    buyer = ARGV[cursor], key = ARGV[cursor + 1], fingerprint = ARGV[cursor + 2],
    head = ARGV[cursor + 3], packed = ARGV[cursor + 4], lines = lines, units = units,
  }
  if request.buyer ~= '' then
    need(fields, 'c:' .. request.buyer)
    need(fields, 'r:' .. request.buyer)
  end
  if request.key ~= '' then need(fields, 'k:' .. request.buyer .. '\n' .. request.key) end
  asked[i] = request
  cursor = cursor + 6 + 2 * count
end

local sale = {}
for i, value in ipairs(redis.call('HMGET', saleKey, unpack(names))) do sale[names[i]] = value end
if sale.rebuilding then return 'closed' end
if not sale.epoch then return 'unknown_sale' end
if sale.epoch ~= epoch or sale.terms ~= terms then return 'stale' end
for _, request in ipairs(asked) do
  for _, line in ipairs(request.lines) do
    if not sale['ceiling:' .. line[1]] then return 'stale' end
  end
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

-- One look at the tickets of the whole batch, one at its buyers.
local ticketKeys = {}
for i = 1, requests do ticketKeys[i] = KEYS[4 + i] end
local resent = redis.call('EXISTS', unpack(ticketKeys)) > 0

local known = {}
if #fields > 0 then
  local values = redis.call('HMGET', buyers, unpack(fields))
  for i, field in ipairs(fields) do known[field] = values[i] end
end

local limit = tonumber(sale.limit)
local seq, lined, tip = tonumber(sale.seq), tonumber(sale.lined), sale.tip
local joined = tonumber(sale.joined)
local room = longest - (seq - tonumber(sale.cursor))
local admitted = {}
local changedBuyers, changedItems = {}, {}
local answer = { now, tonumber(sale.journal), tonumber(sale.decided) }
local writes = {}

local function admittedOf(sku)
  return admitted[sku] or tonumber(sale['admitted:' .. sku])
end

local function firstMissing(lines)
  for _, line in ipairs(lines) do
    if admittedOf(line[1]) + line[2] > tonumber(sale['ceiling:' .. line[1]]) then return line[1] end
  end
  return nil
end

-- Those in the ledger's line, and those who joined it in entries that are not decided yet.
local function someoneWaits()
  return sale.waiting ~= '0' or joined > tonumber(sale.cursor)
end

-- A party that is larger than all of the stock would wait for ever.
local function canEverFit(lines)
  for _, line in ipairs(lines) do
    if line[2] > tonumber(sale['stock:' .. line[1]]) then return false end
  end
  return true
end

local function reply(word, a, b, c)
  local n = #answer
  answer[n + 1], answer[n + 2], answer[n + 3], answer[n + 4] = word, a or '', b or '', c or ''
end

local function decide(i, request)
  local ticketKey = ticketKeys[i]
  if resent and redis.call('EXISTS', ticketKey) == 1 then return reply('again', string.match(ticketKey, ':ticket:(.*)$')) end
  local keyField = request.key ~= '' and ('k:' .. request.buyer .. '\n' .. request.key)
  if keyField and known[keyField] then
    local ticket, fingerprint = string.match(known[keyField], '^(%S+) (%S*)$')
    if fingerprint ~= request.fingerprint then return reply('mismatch') end
    return reply('again', ticket)
  end
  local house = request.buyer == ''
  if refusal and not house then return reply(refusal, refusalDetail) end
  if room <= 0 then return reply('ledger_unavailable') end
  local claimedField, releasedField = 'c:' .. request.buyer, 'r:' .. request.buyer
  local claimed = tonumber(known[claimedField] or 0) + request.units
  if not house and limit and claimed - tonumber(known[releasedField] or 0) > limit then return reply('limit_reached') end
  local missing = firstMissing(request.lines)
  local joins = not house and sale.waitlist == '1' and canEverFit(request.lines)
  if missing and not joins then return reply('sold_out', missing) end
  local takes = not missing and (house or not joins or not someoneWaits())

  if takes then
    for _, line in ipairs(request.lines) do
      admitted[line[1]] = admittedOf(line[1]) + line[2]
      changedItems[line[1]] = true
    end
  end
  room = room - 1
  seq = seq + 1
  lined = lined + 1
  if not takes then joined = seq end
  if not house then
    known[claimedField] = string.format('%.0f', claimed)
    changedBuyers[claimedField] = true
  end
  if keyField then
    known[keyField] = string.match(ticketKey, ':ticket:(.*)$') .. ' ' .. request.fingerprint
    changedBuyers[keyField] = true
  end
  local entry = request.head .. '\n' .. (takes and '1' or '0') .. '\n' .. string.format('%.0f', now) .. '\n' .. string.format('%.0f', lined)
  tip = redis.sha1hex(tip .. '\n' .. entry)
  writes[#writes + 1] = { string.format('%.0f', seq), entry, tip, ticketKey, request, string.format('%.0f', lined) }
  return reply('admitted', seq, lined, tip)
end

for i, request in ipairs(asked) do decide(i, request) end
if #writes == 0 then return answer end

local at = string.format('%.0f', now)
for _, write in ipairs(writes) do
  redis.call('XADD', intake, write[1] .. '-0', 'e', write[2], 'h', write[3])
end
for _, write in ipairs(writes) do
  redis.call('HSET', write[4], 'status', 'queued', 'v', '1', 'seq', write[1], 'place', write[6], 'buyer', write[5].buyer,
    'lines', write[5].packed, 'at', at, 'epoch', epoch, 'tip', write[3])
end
local changes = { 'seq', string.format('%.0f', seq), 'lined', string.format('%.0f', lined), 'joined', string.format('%.0f', joined), 'tip', tip, 'time', at }
for sku in pairs(changedItems) do
  changes[#changes + 1] = 'admitted:' .. sku
  changes[#changes + 1] = string.format('%.0f', admitted[sku])
end
redis.call('HSET', saleKey, unpack(changes))
local claims = {}
for field in pairs(changedBuyers) do
  claims[#claims + 1] = field
  claims[#claims + 1] = known[field]
end
if #claims > 0 then redis.call('HSET', buyers, unpack(claims)) end
return answer
