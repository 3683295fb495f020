-- Lets go of leases, so that the next publisher need not wait for them to run out.
--
-- KEYS  the leases of one slot
-- ARGV[1]  the publisher

for _, lease in ipairs(KEYS) do
  if redis.call('GET', lease) == ARGV[1] then
    redis.call('DEL', lease)
  end
end
