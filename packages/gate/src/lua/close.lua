#!lua
-- Closes one sale's gate for a rebuild under a new epoch: nothing is admitted, read or settled until the swap, so what
-- the intake holds stands still.
--
-- KEYS  1 sale
-- ARGV  1 the new epoch
-- Answer  'closed', or 'superseded' when the gate already is at, or on its way to, that epoch or a newer one

local sale = redis.call('HMGET', KEYS[1], 'epoch', 'rebuilding')
local epoch = tonumber(ARGV[1])
if tonumber(sale[1] or 0) >= epoch or tonumber(sale[2] or 0) > epoch then return 'superseded' end
redis.call('HSET', KEYS[1], 'rebuilding', ARGV[1], 'staged', '0', 'claims', '0')
return 'closed'
