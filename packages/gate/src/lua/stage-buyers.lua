#!lua
-- What limits and keys follow from, while the gate is closed for this very rebuild.
--
-- KEYS  1 sale, 2 staged buyers
-- ARGV  1 the new epoch, 2 number of claims, then per claim: buyer, units; then per key: field, value
-- Answer  'staged' or 'superseded'

if redis.call('HGET', KEYS[1], 'rebuilding') ~= ARGV[1] then return 'superseded' end
redis.call('HINCRBY', KEYS[1], 'staged', 1)
local claims = tonumber(ARGV[2])
for i = 3, 2 + 2 * claims, 2 do redis.call('HINCRBY', KEYS[2], 'c:' .. ARGV[i], ARGV[i + 1]) end
if #ARGV > 2 + 2 * claims then redis.call('HSET', KEYS[2], unpack(ARGV, 3 + 2 * claims)) end
return 'staged'
