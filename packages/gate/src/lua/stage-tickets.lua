#!lua
-- Writes tickets as the ledger has them, and whose they are, while the gate is closed for this very rebuild; a rebuild
-- that was overtaken must not set newer states back.
--
-- KEYS  1 sale, 2 staged buyers, 3.. tickets
-- ARGV  1 the new epoch, 2 number of this piece of the stage, from 1 on: one that is sent twice is staged once,
--       then per ticket: buyer, how long it stays readable (ms) or '', its record
-- Answer  'staged', 'superseded', or 'torn' when the piece before it is not there: Redis lost it meanwhile

local sale, buyers, epoch, piece = KEYS[1], KEYS[2], ARGV[1], tonumber(ARGV[2])

local at = redis.call('HMGET', sale, 'rebuilding', 'staged')
if at[1] ~= epoch then return 'superseded' end
if tonumber(at[2]) >= piece then return 'staged' end
if tonumber(at[2]) ~= piece - 1 then return 'torn' end
assert(#ARGV == 3 * #KEYS - 4, 'three arguments per ticket')
redis.call('HLEN', buyers)
local endings, lists, changed = {}, {}, {}
for i = 3, #KEYS do
  local retention = ARGV[3 * i - 5]
  local milliseconds = tonumber(retention)
  assert(retention == '' or (milliseconds and milliseconds > 0 and milliseconds < 1e14), 'no time')
  endings[i] = milliseconds and string.format('%.0f', milliseconds)
  local buyer, ending = ARGV[3 * i - 6], string.sub(KEYS[i], -22)
  if buyer ~= '' then
    local field = 't:' .. buyer
    if lists[field] == nil then lists[field] = redis.call('HGET', buyers, field) end
    -- The newest first, so each is older than what the list has; the newest two hundred.
    if not lists[field] or #lists[field] < 4599 and not string.find(lists[field], ending, 1, true) then
      lists[field] = lists[field] and ending .. ' ' .. lists[field] or ending
      changed[field] = true
    end
  end
end

for i = 3, #KEYS do
  redis.call('SET', KEYS[i], ARGV[3 * i - 4])
  if endings[i] then redis.call('PEXPIRE', KEYS[i], endings[i]) end
end
for field in pairs(changed) do redis.call('HSET', buyers, field, lists[field]) end
redis.call('HSET', sale, 'staged', ARGV[2])
return 'staged'
