#!lua
-- Brings tickets back to a gate that was opened before it had all of them. A page continues where the gate is, so that
-- none is left out when a part of this was lost again; a ticket that was settled since the page was read is not
-- covered by what is older.
--
-- KEYS  1 sale, 2 buyers, 3 moved, 4.. tickets
-- ARGV  1 epoch, 2 where the page begins, 3 where the gate is after it, '' when it is whole, 4 the journal's position of
--       the page, 5 worker, 6 for how long it is at it (ms), then per ticket: buyer, how long it stays readable (ms) or '',
--       its record
-- Answer  'restored', 'moved', 'busy' or 'again'

local sale = redis.call('HMGET', KEYS[1], 'epoch', 'rebuilding', 'restoring', 'restorer', 'waiting', 'journal')
if sale[1] ~= ARGV[1] or sale[2] or sale[3] ~= ARGV[2] then return 'moved' end
assert(#ARGV == 6 + 3 * (#KEYS - 3) and tonumber(ARGV[4]), 'three arguments per ticket')
local lease = tonumber(ARGV[6])
assert(lease and lease > 0 and lease < 1e14, 'no time')
redis.call('HLEN', KEYS[2])
redis.call('HLEN', KEYS[3])
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local worker, untilThen = string.match(sale[4] or '', '^(%S+) (%d+)$')
if worker and worker ~= ARGV[5] and tonumber(untilThen) > now then return 'busy' end

local idAt = #KEYS > 3 and string.find(KEYS[4], ':ticket:', 1, true) + 8
local ids, lists = {}, {}
for i = 4, #KEYS do
  ids[i - 3] = string.sub(KEYS[i], idAt)
  lists[i - 3] = 't:' .. ARGV[3 * i - 5]
end
local known = {}
if #ids > 0 then
  for _, position in ipairs(redis.call('HMGET', KEYS[3], unpack(ids))) do
    if position and tonumber(position) > tonumber(ARGV[4]) then return 'again' end
  end
  local found = redis.call('HMGET', KEYS[2], unpack(lists))
  for i = 1, #ids do known[lists[i]] = found[i] or '' end
end

local records, changed, endings = {}, {}, {}
assert(string.match(sale[6] or '', '^%d+$') and #sale[6] < 15, 'no position')
for i = 4, #KEYS do
  records[#records + 1], records[#records + 2] = KEYS[i], ARGV[3 * i - 3]
  local retention = ARGV[3 * i - 4]
  local milliseconds = tonumber(retention)
  assert(retention == '' or (milliseconds and milliseconds > 0 and milliseconds < 1e14), 'no time')
  endings[i] = milliseconds and string.format('%.0f', milliseconds)
  local list, ending = lists[i - 3], string.sub(KEYS[i], -22)
  -- Which tickets are whose: these are older than what the list has; the newest two hundred.
  if list ~= 't:' and #known[list] < 4599 and not string.find(known[list], ending, 1, true) then
    known[list] = known[list] == '' and ending or ending .. ' ' .. known[list]
    changed[list] = true
  end
end
if #records > 0 then redis.call('MSET', unpack(records)) end
for i = 4, #KEYS do
  if endings[i] then redis.call('PEXPIRE', KEYS[i], endings[i]) end
end
for list in pairs(changed) do redis.call('HSET', KEYS[2], list, known[list]) end
if ARGV[3] == '' then
  redis.call('HDEL', KEYS[1], 'restoring', 'restorer')
  redis.call('DEL', KEYS[3])
  -- Who waited and was not back yet was granted nothing: one event behind, the next settlement makes up for it.
  if sale[5] ~= '0' and tonumber(sale[6]) > 0 then redis.call('HINCRBY', KEYS[1], 'journal', -1) end
else
  redis.call('HSET', KEYS[1], 'restoring', ARGV[3], 'restorer', ARGV[5] .. ' ' .. string.format('%.0f', now + lease))
end
return 'restored'
