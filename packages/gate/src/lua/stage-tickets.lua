#!lua
-- Writes tickets as the ledger has them, while the gate is closed for this very rebuild; a rebuild that was overtaken
-- must not set newer states back.
--
-- KEYS  1 sale, 2.. tickets
-- ARGV  1 the new epoch, then per ticket: how long it stays readable (ms) or '', number of arguments, field, value ...
-- Answer  'staged' or 'superseded'

if redis.call('HGET', KEYS[1], 'rebuilding') ~= ARGV[1] then return 'superseded' end
redis.call('HINCRBY', KEYS[1], 'staged', 1)
local position = 2
for i = 2, #KEYS do
  local retention, count = ARGV[position], tonumber(ARGV[position + 1])
  redis.call('DEL', KEYS[i])
  redis.call('HSET', KEYS[i], unpack(ARGV, position + 2, position + 1 + count))
  if retention ~= '' then redis.call('PEXPIRE', KEYS[i], retention) end
  position = position + 2 + count
end
return 'staged'
