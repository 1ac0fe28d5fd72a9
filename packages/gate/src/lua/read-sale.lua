#!lua flags=allow-oom
-- One sale as it stands.
--
-- KEYS  1 boot, 2 sale
-- Answer  'closed', 'unknown_sale', or { gate time, field, value, field, value ... }

if redis.call('EXISTS', KEYS[1]) == 0 then return 'closed' end
local answer = redis.call('HGETALL', KEYS[2])
if #answer == 0 then return 'unknown_sale' end
local last = 0
for i = 1, #answer, 2 do
  if answer[i] == 'rebuilding' then return 'closed' end
  if answer[i] == 'time' then last = tonumber(answer[i + 1]) end
end
local time = redis.call('TIME')
local now = math.max(tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000), last)
table.insert(answer, 1, string.format('%.0f', now))
return answer
