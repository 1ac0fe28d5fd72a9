#!lua
-- Writes tickets as the ledger has them, while the gate is closed for this very rebuild; a rebuild that was overtaken
-- must not set newer states back.
--
-- KEYS  1 sale, 2.. tickets
-- ARGV  1 the new epoch, 2 number of this piece of the stage, from 1 on: one that is sent twice is staged once,
--       then per ticket: how long it stays readable (ms) or '', its record
-- Answer  'staged' or 'superseded'

local sale, epoch, piece = KEYS[1], ARGV[1], tonumber(ARGV[2])

local at = redis.call('HMGET', sale, 'rebuilding', 'staged')
if at[1] ~= epoch then return 'superseded' end
if tonumber(at[2]) >= piece then return 'staged' end
assert(#ARGV == 2 * #KEYS, 'two arguments per ticket')
local endings = {}
for i = 2, #KEYS do
  local retention = ARGV[2 * i - 1]
  local milliseconds = tonumber(retention)
  assert(retention == '' or (milliseconds and milliseconds > 0 and milliseconds < 1e14), 'no time')
  endings[i] = milliseconds and string.format('%.0f', milliseconds)
end

for i = 2, #KEYS do
  redis.call('SET', KEYS[i], ARGV[2 * i])
  if endings[i] then redis.call('PEXPIRE', KEYS[i], endings[i]) end
end
redis.call('HSET', sale, 'staged', ARGV[2])
return 'staged'
