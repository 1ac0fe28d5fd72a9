#!lua
-- Leaves nothing of a buyer at the gate, once the ledger has forgotten them: claims, keys, lobby, list of tickets, the name
-- and the commands of up to a piece of tickets, and the anchor of the intake where it is theirs; the chain goes on from
-- the tip. Refused unless the journal is applied as far as the erasure, so that nothing older can write the name again.
--
-- KEYS  1 boot, 2 sale, 3 intake, 4 buyers, 5.. tickets
-- ARGV  1 epoch, 2 journal position of the erasure, 3 buyer, 4 pseudonym, 5.. further fields of the buyers' hash
-- Answer  'forgotten', or 'closed' | 'epoch' | 'behind' when nothing was changed

local saleKey, intake, buyers = KEYS[2], KEYS[3], KEYS[4]
local epoch, position, buyer, pseudonym = ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4]

if redis.call('EXISTS', KEYS[1]) == 0 then return 'closed' end
local sale = redis.call('HMGET', saleKey, 'epoch', 'rebuilding', 'journal', 'cursor')
if not sale[1] or sale[2] then return 'closed' end
if sale[1] ~= epoch then return 'epoch' end
if tonumber(sale[3]) < position then return 'behind' end

-- Decided entries only: what came after is the ledger's to decide, and another erasure's.
local decided = redis.call('XRANGE', intake, '-', sale[4] .. '-0')
redis.call('HDEL', buyers, 'c:' .. buyer, 'r:' .. buyer, 'l:' .. buyer, 't:' .. buyer, unpack(ARGV, 5))
local theirs = {}
local tenLines = '^(' .. string.rep('[^\n]*\n', 10) .. ')'
for i = 5, #KEYS do
  local ticket = KEYS[i]
  theirs[string.match(ticket, ':ticket:(.*)$')] = true
  -- A record as in ticket-record.ts: the buyer is the eleventh line, and after the twelfth come the commands.
  local record = redis.call('GET', ticket)
  local before, who, packed = string.match(record or '', tenLines .. '([^\n]*)\n([^\n]*\n)')
  if who == buyer then redis.call('SET', ticket, before .. pseudonym .. '\n' .. packed, 'KEEPTTL') end
end
for _, entry in ipairs(decided) do
  local who, ticketId = string.match(entry[2][2], '^[^\n]*\n([^\n]*)\n[^\n]*\n[^\n]*\n[^\n]*\n([^\n]*)')
  if who == buyer or theirs[ticketId] then redis.call('XDEL', intake, entry[1]) end
end
return 'forgotten'
