#!lua
-- Gives one command of a buyer (confirm, cancel, extend) or of the merchant its place in the intake, once.
--
-- KEYS  1 boot, 2 sale, 3 intake, 4 ticket
-- ARGV  1 epoch, 2 command id, 3 head of the entry, 4 longest intake, 5 most commands a ticket may have seen,
--       6 packed payment reference or '', which is not chained
-- Answer  { word, detail }: 'closed'; 'stale'; 'unknown_ticket'; 'again' with the outcome or '' while undecided;
--         'ledger_unavailable'; 'too_many'; 'appended' with the seq

local boot, saleKey, intake, ticket = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local epoch, commandId, head, longest, most = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])

if redis.call('EXISTS', boot) == 0 then return { 'closed', '' } end
local sale = redis.call('HMGET', saleKey, 'epoch', 'rebuilding', 'seq', 'tip', 'time', 'cursor', 'lined', 'restoring')
-- An emptied gate that is being rebuilt knows nothing yet, and must not look like one that does not know the ticket.
if sale[2] then return { 'closed', '' } end
if not sale[1] then return { 'unknown_ticket', '' } end
if sale[1] ~= epoch then return { 'stale', '' } end
-- A record as in ticket-record.ts: the commands come after the twelfth line.
local record = redis.call('GET', ticket)
if sale[8] then
  -- What an older gate left behind may be older than what the buyer was told.
  local wrote, anew = string.match(record or '', '^' .. string.rep('[^\n]*\n', 6) .. '(%d+) ?(%d*)')
  if (anew ~= '' and anew or wrote) ~= epoch then return { 'closed', '' } end
end
if not record then return { 'unknown_ticket', '' } end
local _, beforeCommands = string.find(record, '^' .. string.rep('[^\n]*\n', 12))
local commands = string.sub(record, beforeCommands + 1)
local seen = string.find(commands, ' ' .. commandId .. '\n', 1, true)
if seen then return { 'again', string.match(string.sub(commands, 1, seen - 1), '[^\n]*$') } end
local _, many = string.gsub(commands, '\n', '')
if many >= most then return { 'too_many', '' } end
if tonumber(sale[3]) - tonumber(sale[6]) >= longest then return { 'ledger_unavailable', '' } end

local time = redis.call('TIME')
local now = math.max(tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000), tonumber(sale[5]))
local at = string.format('%.0f', now)
local seq = string.format('%.0f', tonumber(sale[3]) + 1)
local entry = head .. '\n0\n' .. at .. '\n' .. sale[7]
local tip = redis.sha1hex(sale[4] .. '\n' .. entry)

redis.call('XADD', intake, seq .. '-0', 'e', '2\n\n' .. ARGV[6] .. '\n' .. commandId .. '\n' .. entry, 'h', tip)
redis.call('SET', ticket, record .. ' ' .. commandId .. '\n', 'KEEPTTL')
redis.call('HSET', saleKey, 'seq', seq, 'tip', tip, 'time', at)
return { 'appended', seq }
