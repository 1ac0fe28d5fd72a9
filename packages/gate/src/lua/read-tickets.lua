#!lua flags=allow-oom
-- Tickets of one sale as they stand. A gate without its boot marker, or one that is being rebuilt, must not look like
-- one that does not know the ticket.
--
-- KEYS  1 boot, 2 sale, 3.. tickets
-- Answer  'closed', or { currency and rule of extensions, decided reservations, epoch, since when the gate is rebuilt or '',
--         where its tickets are on their way back or '', gate time, then per ticket its record (empty: unknown) }

if redis.call('EXISTS', KEYS[1]) == 0 then return 'closed' end
local sale = redis.call('HMGET', KEYS[2], 'rebuilding', 'decided', 'currency', 'extension', 'epoch', 'rebuiltAt', 'restoring')
if sale[1] then return 'closed' end
local answer = { (sale[3] or '') .. ' ' .. (sale[4] or ''), tonumber(sale[2] or 0), tonumber(sale[5] or 0), sale[6] or '', sale[7] or '', redis.call('TIME')[1] }
for i, record in ipairs(redis.call('MGET', unpack(KEYS, 3))) do answer[6 + i] = record or '' end
return answer
