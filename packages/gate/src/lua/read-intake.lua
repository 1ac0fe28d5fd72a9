#!lua flags=allow-oom
-- The intake from the ledger's cursor on, with the gate's time of this read: one clock for deadlines, which never goes
-- back for a sale. The cursor's own entry (the anchor) comes first, while it is there.
--
-- KEYS  1 boot, 2 sale, 3 intake
-- ARGV  1 epoch, 2 cursor, 3 most entries, 4.. skus whose counters are wanted
-- Answer  { 'not_booted' }; { 'rebuilding' }; { 'unknown_sale' }; { 'newer' | 'older', epoch }; or
--         { 'batch', gate time, seq, tip, journal position, entries as XRANGE gives them,
--         position and hash of the journal's last event as heard, or '', { ceiling, admitted, ... } }

if redis.call('EXISTS', KEYS[1]) == 0 then return { 'not_booted' } end
local sale = redis.call('HMGET', KEYS[2], 'epoch', 'rebuilding', 'seq', 'tip', 'time', 'journal', 'head')
if sale[2] then return { 'rebuilding' } end
if not sale[1] then return { 'unknown_sale' } end
local epoch = tonumber(sale[1])
if epoch > tonumber(ARGV[1]) then return { 'newer', epoch } end
if epoch < tonumber(ARGV[1]) then return { 'older', epoch } end

local time = redis.call('TIME')
local now = math.max(tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000), tonumber(sale[5]))
local at = string.format('%.0f', now)
local entries = redis.call('XRANGE', KEYS[3], ARGV[2] .. '-0', '+', 'COUNT', tonumber(ARGV[3]) + 1)
local counters = {}
if #ARGV > 3 then
  local names = {}
  for i = 4, #ARGV do names[2 * i - 7], names[2 * i - 6] = 'ceiling:' .. ARGV[i], 'admitted:' .. ARGV[i] end
  counters = redis.call('HMGET', KEYS[2], unpack(names))
end
redis.call('HSET', KEYS[2], 'time', at)
return { 'batch', at, tonumber(sale[3]), sale[4], tonumber(sale[6]), entries, sale[7] or '', counters }
