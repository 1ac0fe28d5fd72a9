#!lua
-- Carries over entries that the ledger does not have: order and gate time kept, new seqs, units admitted again while
-- they last, otherwise none.
--
-- KEYS  1 sale, 2 staged sale, 3 staged intake, 4 staged buyers, 5.. one ticket per entry
-- ARGV  1 the new epoch, 2 number of this piece of the stage, from 1 on: one that is sent twice is staged once,
--       then per entry: kind, buyer, person (what stands before the chained part), head of the entry, gate time, had units '1' or '0',
--       idempotency field or '', its value, packed lines, number of lines, and per line: sku, quantity
-- Answer  'staged', 'superseded', or 'torn' when the piece before it is not there: Redis lost it meanwhile

local saleKey, staged, intake, buyers = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local epoch, piece = ARGV[1], tonumber(ARGV[2])

local at = redis.call('HMGET', saleKey, 'rebuilding', 'staged')
if at[1] ~= epoch then return 'superseded' end
if tonumber(at[2]) >= piece then return 'staged' end
if tonumber(at[2]) ~= piece - 1 then return 'torn' end

local begin = redis.call('HMGET', staged, 'seq', 'tip', 'lined')
assert(tonumber(begin[1]) and begin[2] and begin[3], 'nothing is staged')
redis.call('XLEN', intake)
redis.call('HLEN', buyers)

local position = 2
local function take()
  position = position + 1
  local argument = ARGV[position]
  assert(argument, 'an argument is missing')
  return argument
end
local function takeNumber()
  local number = tonumber(take())
  assert(number and number >= 0 and number < 1e14 and number % 1 == 0, 'no whole number')
  return number
end
local entries = {}
for i = 5, #KEYS do
  local entry = { take(), take(), take(), take(), take(), take(), take(), take(), take(), {} }
  for line = 1, takeNumber() do entry[10][line] = { take(), takeNumber() } end
  entries[i] = entry
end
assert(position == #ARGV, 'an argument is left over')

for i = 5, #KEYS do
  local kind, buyer, person, head, at, had, keyField, keyValue, packed, lines = unpack(entries[i])
  local units, fits = 0, had == '1'
  for _, line in ipairs(lines) do
    local sku, quantity = line[1], line[2]
    units = units + quantity
    local counts = redis.call('HMGET', staged, 'admitted:' .. sku, 'ceiling:' .. sku)
    if not counts[1] or tonumber(counts[1]) + quantity > tonumber(counts[2]) then fits = false end
  end
  local reserves = kind == 'reserve' or kind == 'withdraw'
  -- A member who is no longer in the lobby keeps what the ledger has decided.
  local places = kind == 'place'
    and string.match(redis.call('GET', KEYS[i]) or '', '^%d+\n[^\n]*\n(%l+)\n') == 'lobby'
  if kind == 'place' then
    fits = fits and places
    redis.call('HINCRBY', staged, 'placed', 1)
  end
  if fits then
    for _, line in ipairs(lines) do redis.call('HINCRBY', staged, 'admitted:' .. line[1], line[2]) end
  end
  if reserves or places then redis.call('HINCRBY', staged, 'lined', 1) end
  local sale = redis.call('HMGET', staged, 'seq', 'tip', 'lined')
  local seq = string.format('%.0f', tonumber(sale[1]) + 1)
  local entry = head .. '\n' .. (fits and '1' or '0') .. '\n' .. at .. '\n' .. sale[3]
  local tip = redis.sha1hex(sale[2] .. '\n' .. entry)
  redis.call('XADD', intake, seq .. '-0', 'e', person .. '\n' .. entry, 'h', tip)
  redis.call('HSET', staged, 'seq', seq, 'tip', tip)
  if (kind == 'reserve' or kind == 'place') and not fits then redis.call('HSET', staged, 'joined', seq) end
  -- Records as in ticket-record.ts.
  local function keep(version, status, place)
    redis.call('SET', KEYS[i], table.concat({ version, '', status, '', '', seq, ARGV[1], at, place, tip, buyer, packed, '' }, '\n'))
  end
  if reserves then
    keep('1', 'queued', sale[3])
    if buyer ~= '' then redis.call('HINCRBY', buyers, 'c:' .. buyer, units) end
  elseif kind == 'join' then
    keep('1', 'lobby', '0')
  elseif kind == 'place' then
    if places then keep('2', 'queued', sale[3]) end
    if buyer ~= '' then redis.call('HINCRBY', buyers, 'c:' .. buyer, units) end
  end
  if reserves or kind == 'join' then
    if keyField ~= '' then redis.call('HSET', buyers, keyField, keyValue) end
    if buyer ~= '' then
      local list, ending = redis.call('HGET', buyers, 't:' .. buyer), string.sub(KEYS[i], -22)
      redis.call('HSET', buyers, 't:' .. buyer, string.sub(list and list .. ' ' .. ending or ending, -4599))
    end
  end
end
redis.call('HSET', saleKey, 'staged', ARGV[2])
return 'staged'
