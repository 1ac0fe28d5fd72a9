#!lua
-- What limits and keys follow from, while the gate is closed for this very rebuild. Pieces come in any order.
--
-- KEYS  1 sale, 2 staged buyers
-- ARGV  1 the new epoch, 2 number of this piece: one that is sent twice is staged once, 3 number of claims,
--       then per claim: buyer, units; then per key: field, value
-- Answer  'staged' or 'superseded'

local sale, buyers, epoch, piece, claims = KEYS[1], KEYS[2], ARGV[1], 'claims:' .. ARGV[2], tonumber(ARGV[3])

if redis.call('HGET', sale, 'rebuilding') ~= epoch then return 'superseded' end
-- Marked with the epoch: a rebuild that was given up has left its own.
if redis.call('HGET', sale, piece) == epoch then return 'staged' end
assert(claims and claims >= 0 and claims % 1 == 0 and #ARGV >= 3 + 2 * claims and #ARGV % 2 == 1, 'two arguments per claim and key')
local before = redis.call('HGET', sale, 'claims') or '0'
assert(string.match(before, '^%d+$') and #before < 15, 'no count')
redis.call('HLEN', buyers)
for i = 4, 2 + 2 * claims, 2 do
  local units = tonumber(ARGV[i + 1])
  assert(units and units % 1 == 0 and math.abs(units) < 1e14, 'no whole number')
  local claimed = redis.call('HGET', buyers, 'c:' .. ARGV[i]) or '0'
  assert(string.match(claimed, '^%d+$') and #claimed < 15, 'no count')
end

for i = 4, 2 + 2 * claims, 2 do
  redis.call('HINCRBY', buyers, 'c:' .. ARGV[i], string.format('%.0f', tonumber(ARGV[i + 1])))
end
if #ARGV > 3 + 2 * claims then redis.call('HSET', buyers, unpack(ARGV, 4 + 2 * claims)) end
redis.call('HSET', sale, piece, epoch)
redis.call('HINCRBY', sale, 'claims', 1)
return 'staged'
