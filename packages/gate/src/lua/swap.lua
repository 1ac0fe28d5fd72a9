#!lua
-- Puts the staged gate in the place of the old one, in one step, if this rebuild is still the one under way.
--
-- KEYS  1 sale, 2 intake, 3 buyers, 4 staged sale, 5 staged intake, 6 staged buyers, 7 the shard's sales, 8 moved
-- ARGV  1 the new epoch, 2 sale id, 3 channel, 4 how long a final ticket stays readable (ms), 5 pieces of tickets and
--       entries, 6 pieces of buyers, 7 where tickets are to be continued, '' when they are all there
-- Answer  'rebuilt', 'superseded', or 'torn' when a part of the stage is not there: Redis lost it meanwhile

local at = redis.call('HMGET', KEYS[1], 'rebuilding', 'staged', 'claims')
if at[1] ~= ARGV[1] then return 'superseded' end
local journal = redis.call('HGET', KEYS[4], 'journal')
local time, retention = redis.call('TIME'), tonumber(ARGV[4])
assert(ARGV[3] and ARGV[7] and #KEYS == 8, 'an argument is missing')
assert(retention and retention > 0 and retention < 1e14, 'no time')
redis.call('SCARD', KEYS[7])
if not journal or at[2] ~= ARGV[5] or at[3] ~= ARGV[6] then return 'torn' end
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local at, tellsUntil = string.format('%.0f', now), string.format('%.0f', now + retention)

for i = 1, 3 do
  redis.call('DEL', KEYS[i])
  if redis.call('EXISTS', KEYS[3 + i]) == 1 then
    redis.call('RENAME', KEYS[3 + i], KEYS[i])
    redis.call('PERSIST', KEYS[i])
  end
end
redis.call('DEL', KEYS[8])
-- Every ticket of the ledger comes back, and stays for a retention: until then one that is missing is in no log.
redis.call('HSET', KEYS[1], 'rebuiltAt', at, 'tellsUntil', tellsUntil)
if ARGV[7] ~= '' then redis.call('HSET', KEYS[1], 'restoring', ARGV[7]) end
redis.call('SADD', KEYS[7], ARGV[2])
redis.call('PUBLISH', ARGV[3], journal .. ' 2 ')
return 'rebuilt'
