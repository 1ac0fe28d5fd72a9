#!lua
-- Tickets of one sale as they stand. A gate without its boot marker, or one that is being rebuilt, must not look like
-- one that does not know the ticket.
--
-- KEYS  1 boot, 2 sale, 3.. tickets
-- Answer  'closed', or { currency, decided reservations, then per ticket its fields and values, one a
--         line, in one text (empty: unknown): a client reads one text many times faster than twenty }

if redis.call('EXISTS', KEYS[1]) == 0 then return 'closed' end
local sale = redis.call('HMGET', KEYS[2], 'rebuilding', 'decided', 'currency')
if sale[1] then return 'closed' end
local answer = { sale[3] or '', tonumber(sale[2] or 0) }
for i = 3, #KEYS do answer[i] = table.concat(redis.call('HGETALL', KEYS[i]), '\n') end
return answer
