-- The secrets of cookies; whoever comes first after a period changes them.
--
-- KEYS[1]  the secrets
-- ARGV[1]  a new secret, should one be due
-- ARGV[2]  the period in seconds
--
-- Answers the secret that makes cookies, the one that will, and the one that did or ''.
-- The next one is known to everybody before anybody uses it.

local time = tonumber(redis.call('TIME')[1])
local kept = redis.call('HMGET', KEYS[1], 'current', 'next', 'previous', 'changed')
local current, following, previous = kept[1], kept[2], kept[3]

if not current or time - kept[4] >= tonumber(ARGV[2]) then
  previous, current, following = current or '', following or ARGV[1], ARGV[1]
  redis.call('HSET', KEYS[1], 'current', current, 'next', following,
    'previous', previous, 'changed', time)
end
return { current, following, previous }
