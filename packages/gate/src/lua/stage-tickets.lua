#!lua
-- Writes tickets as the ledger has them, while the gate is closed for this very rebuild; a rebuild that was overtaken
-- must not set newer states back.
--
-- KEYS  1 sale, 2.. tickets
-- ARGV  1 the new epoch, then per ticket: how long it stays readable (ms) or '', its record
-- Answer  'staged' or 'superseded'

if redis.call('HGET', KEYS[1], 'rebuilding') ~= ARGV[1] then return 'superseded' end
redis.call('HINCRBY', KEYS[1], 'staged', 1)
for i = 2, #KEYS do
  local retention, record = ARGV[2 * i - 2], ARGV[2 * i - 1]
  redis.call('SET', KEYS[i], record)
  if retention ~= '' then redis.call('PEXPIRE', KEYS[i], retention) end
end
return 'staged'
