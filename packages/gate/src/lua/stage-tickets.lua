#!lua
-- Writes tickets as the ledger has them, and whose they are, while the gate is closed for this very rebuild; a rebuild
-- that was overtaken must not set newer states back.
--
-- KEYS  1 sale, 2 staged buyers, 3.. tickets
-- ARGV  1 the new epoch, then per ticket: buyer, how long it stays readable (ms) or '', its record
-- Answer  'staged' or 'superseded'

if redis.call('HGET', KEYS[1], 'rebuilding') ~= ARGV[1] then return 'superseded' end
redis.call('HINCRBY', KEYS[1], 'staged', 1)
for i = 3, #KEYS do
  local buyer, retention, record = ARGV[3 * i - 7], ARGV[3 * i - 6], ARGV[3 * i - 5]
  redis.call('SET', KEYS[i], record)
  if retention ~= '' then redis.call('PEXPIRE', KEYS[i], retention) end
  if buyer ~= '' then
    local list, ending = redis.call('HGET', KEYS[2], 't:' .. buyer), string.sub(KEYS[i], -22)
    -- The newest first, so each is older than what the list has; the newest two hundred.
    if not list or #list < 4599 and not string.find(list, ending, 1, true) then
      redis.call('HSET', KEYS[2], 't:' .. buyer, list and ending .. ' ' .. list or ending)
    end
  end
end
return 'staged'
