-- One beat of an edge: it lives, and devices can reach the platform.
--
-- KEYS[1]  the living edges; KEYS[2]  the heartbeat of all edges
-- ARGV[1]  the edge, or '' to look only
-- ARGV[2]  after how many milliseconds without a beat an edge is dead
-- ARGV[3]  after how many milliseconds without any beat there was an outage
-- ARGV[4]  '1' where devices register at this edge, which is what ends an outage
--
-- Answers {now in µs, last beat in ms or '', end of the last outage in ms or '', edges}.

local time = redis.call('TIME')
local now_us = time[1] * 1000000 + time[2]
local now = math.floor(now_us / 1000)
local now_text = string.format('%.0f', now)

redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now - ARGV[2]))
if ARGV[1] ~= '' then
  redis.call('ZADD', KEYS[1], now_text, ARGV[1])
end
if ARGV[4] == '1' then
  local last = redis.call('HGET', KEYS[2], 'last')
  if last and now - last > tonumber(ARGV[3]) then
    redis.call('HSET', KEYS[2], 'outage_ended', now_text)
  end
  redis.call('HSET', KEYS[2], 'last', now_text)
end
local beats = redis.call('HMGET', KEYS[2], 'last', 'outage_ended')
return {
  string.format('%.0f', now_us), beats[1] or '', beats[2] or '',
  redis.call('ZRANGE', KEYS[1], 0, -1),
}
