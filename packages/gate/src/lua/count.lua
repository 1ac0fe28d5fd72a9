#!lua flags=allow-oom
-- One sale's counters with the units that entries after a seq took: what the audit compares with the ledger.
--
-- KEYS  1 boot, 2 sale, 3 intake
-- ARGV  1 seq after which entries count, 2 most entries to look at
-- Answer  'closed', 'unknown_sale', or { entries after the seq, gate time of the first or '', fields of the sale,
--         { packed entry, ... } }

if redis.call('EXISTS', KEYS[1]) == 0 then return 'closed' end
local fields = redis.call('HGETALL', KEYS[2])
if #fields == 0 then return 'unknown_sale' end
local entries = redis.call('XRANGE', KEYS[3], '(' .. ARGV[1] .. '-0', '+', 'COUNT', ARGV[2])
local packed = {}
for i, entry in ipairs(entries) do packed[i] = entry[2][2] end
return { fields, packed }
