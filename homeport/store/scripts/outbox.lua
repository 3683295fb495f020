-- Trims what the bus has acknowledged and reads what comes next, of leased buckets.
--
-- KEYS[1]  any key of the slot that is meant; on a cluster one bucket a call
-- ARGV[1]  the publisher
-- ARGV[2]  its lease in milliseconds; every call renews it
-- ARGV[3]  entries at most, of all buckets together
-- ARGV[4]  then, for each bucket: its number, and the last acknowledged entry or ''
--
-- Answers {leased buckets, entries}: entries as a flat list bucket, entry, head, body.
-- A bucket that another publisher holds is left out and left alone.

local publisher, lease = ARGV[1], ARGV[2]
local room = tonumber(ARGV[3])
local leased, entries = {}, {}

for at = 4, #ARGV, 2 do
  local bucket, acknowledged = ARGV[at], ARGV[at + 1]
  local tag = '{b' .. bucket .. '}'
  local outbox, holder = tag .. ':outbox', redis.call('GET', tag .. ':lease')
  if not holder or holder == publisher then
    redis.call('SET', tag .. ':lease', publisher, 'PX', lease)
    leased[#leased + 1] = bucket
    if acknowledged ~= '' then
      local milliseconds, sequence = string.match(acknowledged, '^(%d+)-(%d+)$')
      redis.call('XTRIM', outbox, 'MINID',
        milliseconds .. '-' .. string.format('%.0f', sequence + 1))
    end
    if room > 0 then
      for _, entry in ipairs(redis.call('XRANGE', outbox, '-', '+', 'COUNT', room)) do
        local count = #entries
        entries[count + 1], entries[count + 2] = bucket, entry[1]
        entries[count + 3], entries[count + 4] = entry[2][2], entry[2][4]
        room = room - 1
      end
    end
  end
end

return { leased, entries }
