-- Device requests that wait, what is observed, and what devices say unasked.
--
-- A request is kept as the head that its event begins with, a line feed, and what the edge
-- is to send. The one that is under way is the session's `flight`: its id, the edge that
-- sends it, until when that is sure to live, and whether the device has acknowledged it.

local OWN = string.byte('-') -- begins the ids of requests that no caller has made
local AUTOMATIC = 4 -- hexadecimal digits of the tokens that a device has chosen itself
local TOKEN = 8 -- hexadecimal digits of ours
local MOST_VALUES = 256 -- last values of a device
local NEWER_SEQUENCE = 8388608 -- 2^23; RFC 7641 §3.4
local NEWER_TIME = 128000 -- ms

local function queue(session)
  return session.tag .. ':queue:' .. session.device
end

local function requests(session)
  return session.tag .. ':requests:' .. session.device
end

local function deadlines(session)
  return session.tag .. ':deadlines'
end

local function tokens(session)
  return session.tag .. ':tokens:' .. session.device
end

local function values(session)
  return session.tag .. ':values:' .. session.device
end

local function head_and_body(stored)
  local feed = string.find(stored, '\n', 1, true)
  return string.sub(stored, 1, feed - 1), string.sub(stored, feed + 1)
end

-- The request under way, or the last one that was: where its edge has not been heard of for
-- too long and it was not acknowledged, it may be sent again (B-180).
local function flight(session)
  local text = redis.call('HGET', session.key, 'flight')
  if not text then
    return
  end
  local id, sender, until_, acknowledged = string.match(text, '^(%S+) (%S+) (%d+) (%d)$')
  return { id = id, edge = sender, until_ = tonumber(until_), acknowledged = acknowledged }
end

-- One that was acknowledged is never sent again: it is over as soon as nobody waits for it.
local function under_way(session, id, lease, acknowledged)
  local until_ = string.format('%.0f', now + tonumber(lease))
  redis.call('HSET', session.key, 'flight',
    id .. ' ' .. edge .. ' ' .. until_ .. ' ' .. acknowledged)
  if acknowledged == '1' then
    redis.call('ZADD', deadlines(session), until_, session.device .. ' ' .. id)
  end
end

-- Ends a request with its one event, which says `outcome` besides (B-131).
local function complete(session, id, stored, outcome)
  if not session.endpoint_name then
    read(session, COLD)
  end
  redis.call('LREM', queue(session), 1, id)
  redis.call('HDEL', requests(session), id)
  redis.call('ZREM', deadlines(session), session.device .. ' ' .. id)
  local last = flight(session)
  if last and last.id == id then
    redis.call('HDEL', session.key, 'flight')
  end
  local left = redis.call('LLEN', queue(session))
  if left == 0 then
    redis.call('HDEL', session.key, 'waiting')
  end
  record(session, 'request.completed', next_revision(session.tag),
    subject(session) .. head_and_body(stored) .. outcome, id)
  return left
end

-- Ends all requests that wait, the one under way too (B-129).
local function clear_queue(session, reason)
  local waiting = redis.call('LRANGE', queue(session), 0, -1)
  if #waiting == 0 then
    return
  end
  local outcome = reason == 'suspended' and 'blocked' or 'removed'
  for _, id in ipairs(waiting) do
    local stored = redis.call('HGET', requests(session), id)
    if stored then
      complete(session, id, stored, ',"outcome":"' .. outcome .. '"')
    end
  end
  redis.call('DEL', queue(session), requests(session))
  redis.call('HDEL', session.key, 'waiting', 'flight')
  record(session, 'queue.cleared', next_revision(session.tag),
    subject(session) .. ',"reason":"' .. reason
      .. '","requests":["' .. table.concat(waiting, '","') .. '"]')
end

-- What a registration leaves behind is void: its requests, observations and values (B-130).
local function clear(session, reason)
  clear_queue(session, reason)
  redis.call('DEL', tokens(session), values(session))
end

local function keep_value(session, path, value)
  local known = redis.call('HEXISTS', values(session), path) == 1
  if known or redis.call('HLEN', values(session)) < MOST_VALUES then
    redis.call('HSET', values(session), path, value)
  end
end

-- Keeps what a device's links say of its resources: lines of a token and the path that it
-- notifies by itself with that, and lines of a path and its value (OBS-2).
local function describe_resources(session, observed, reported)
  for _, token in ipairs(redis.call('HKEYS', tokens(session))) do
    if #token == AUTOMATIC then
      redis.call('HDEL', tokens(session), token)
    end
  end
  for token, path in string.gmatch(observed, '(%S+) ([^\n]+)\n') do
    redis.call('HSET', tokens(session), token, '0 0 ' .. path)
  end
  for path, value in string.gmatch(reported, '(%S+) ([^\n]+)\n') do
    keep_value(session, path, value)
  end
end

-- Forgets the last values of a path, of what it is in and of what is in it (B-179).
local function invalidate(session, path)
  if path == '/' then
    redis.call('DEL', values(session))
    return
  end
  for _, known in ipairs(redis.call('HKEYS', values(session))) do
    local shorter = math.min(#known, #path)
    if string.sub(known .. '/', 1, shorter + 1) == string.sub(path .. '/', 1, shorter + 1) then
      redis.call('HDEL', values(session), known)
    end
  end
end

-- Ends a request of which nobody knows whether it was done: its values are void.
local function time_out(session, id, stored)
  invalidate(session, string.match(stored, '"path":"([^"]*)"') or '/')
  complete(session, id, stored, ',"outcome":"timeout"')
end

-- The path below which a device has its objects; nothing where that is the root (B-201).
local function root(session)
  local text = redis.call('GET', description(session)) or ''
  local path = string.match(text, '{"path":"(/[^"]*)","rt":"[^"]*oma%.lwm2m')
  return path ~= '/' and path or ''
end

-- What is known of a token: the number and time of its last notification, its path, and
-- a line for each path that several at once are observed by.
local function observation(known)
  return string.match(known, '^(%d+) (%d+) ([^\n]*)(.*)$')
end

-- Whether all paths that a notification tells of are among those that were asked for.
local function is_asked_for(listed, told)
  for path in string.gmatch(told, '[^\n]+') do
    local found = false
    for each in string.gmatch(listed, '[^\n]+') do
      found = found or each == '/' or string.sub(path .. '/', 1, #each + 1) == each .. '/'
    end
    if not found then
      return false
    end
  end
  return true
end

-- The token of what a request to observe no more is about.
local function observed_with(session, body)
  local path = string.find(body, '"observe":false', 1, true)
    and string.match(body, '"path":"([^"]*)"')
  local known = path and redis.call('HGETALL', tokens(session)) or {}
  for index = 1, #known, 2 do
    if #known[index] > AUTOMATIC and select(3, observation(known[index + 1])) == path then
      return known[index]
    end
  end
  return ''
end

-- The token that a device is asked a request with, whichever edge asks: so its answer tells
-- what it answers, wherever it is heard. An observation is ended by its own (RFC 7641 §3.6).
local function asking(session, id, body)
  local observed = observed_with(session, body)
  return observed ~= '' and observed or string.sub(redis.sha1hex(id), 1, TOKEN)
end

-- Gives a request to the edge that calls, with all that it needs to go on with it.
local function give(session, id, stored, lease, acknowledged)
  under_way(session, id, lease, acknowledged)
  local found = redis.call('HMGET', session.key, 'lwm2m_version', 'szx')
  local _, body = head_and_body(stored)
  return { 'taken', body, session.identity, session.profile, found[1], root(session),
    asking(session, id, body), found[2] or '' }
end

-- A request joins the queue, unless it is there already (B-171).
operations.enqueue = {
  arity = 6,
  run = function(tag, device, account, id, head, body, expires_at, most)
    local session = load(tag, device)
    if not session.live or session.account_id ~= account then
      return 'unknown'
    end
    local owner = redis.call('HGET', session.key, 'edge')
    if redis.call('HEXISTS', requests(session), id) == 1 then
      return { 'queued', owner }
    end
    local of_callers = 0
    for _, waiting in ipairs(redis.call('LRANGE', queue(session), 0, -1)) do
      if string.byte(waiting) ~= OWN then
        of_callers = of_callers + 1
      end
    end
    if string.byte(id) ~= OWN and of_callers >= tonumber(most) then
      return 'full'
    end
    redis.call('RPUSH', queue(session), id)
    redis.call('HSET', requests(session), id, head .. '\n' .. body)
    redis.call('ZADD', deadlines(session), expires_at, device .. ' ' .. id)
    redis.call('HSET', session.key, 'waiting', '1')
    return { 'queued', owner }
  end,
}

-- The edge that has the device takes the first request that is still to be sent (B-170).
operations.take = {
  arity = 3,
  run = function(tag, device, silent, awake, lease)
    local session = load(tag, device)
    if not session.live then
      return 'unknown'
    end
    local found = redis.call('HMGET', session.key, 'edge', 'queue_mode')
    if found[1] ~= edge then
      return { 'elsewhere', found[1] }
    end
    if found[2] == '1' and tonumber(silent) > tonumber(awake) then
      return 'asleep'
    end
    while true do
      local id = redis.call('LINDEX', queue(session), 0)
      if not id then
        return 'empty'
      end
      local stored = redis.call('HGET', requests(session), id)
      local last = flight(session)
      local lapsed = last and last.id == id and now >= last.until_
      local due = redis.call('ZSCORE', deadlines(session), device .. ' ' .. id)
      if last and last.id == id and not lapsed then
        return { 'busy', last.edge }
      elseif not stored then
        redis.call('LPOP', queue(session))
      elseif lapsed and last.acknowledged == '1' then
        time_out(session, id, stored)
      elseif tonumber(due or '0') <= now then
        complete(session, id, stored, ',"outcome":"expired"')
      else
        return give(session, id, stored, lease, '0')
      end
    end
  end,
}

-- An edge wants a device that requests wait for; the one that had it was `owner`, which is
-- gone. What is left of the device's last message leads to it: where that came from, within
-- what its exchange was unique, the newest record of an association, what its sender had
-- proved, and how long ago.
operations.recall = {
  arity = 1,
  run = function(tag, device, owner)
    local session = load(tag, device)
    if not session.live then
      return 'unknown'
    end
    local found = redis.call('HMGET', session.key, 'edge', 'queue_mode', 'peer')
    if found[1] ~= edge and found[1] ~= owner then
      return { 'elsewhere', found[1] }
    end
    if not session.waiting then
      return 'empty'
    end
    redis.call('HSET', session.key, 'edge', edge)
    local due = redis.call('ZSCORE', tag .. ':expiry', device)
    local silent = now - (tonumber(due) - session.lifetime * 1000)
    return { 'recalled', session.profile, found[2], string.format('%.0f', silent),
      found[3], string.match(session.answers or '', '^(%S+)#') or '',
      string.sub(session.mark or '', 1, MARK), session.identity }
  end,
}

-- Why what a device says has no effect: it is old, or nobody with this identity is home.
local function unheard(session, identity, mark, generation)
  local reason = outdated(session, mark, generation)
  if not reason and (not session.live or session.identity ~= identity) then
    return 'unknown'
  end
  return reason
end

-- A device answers at this edge what another one has asked it. If what is under way is what
-- the `token` of the answer stands for, or the device has `acknowledged` it without a token,
-- this edge goes on with it; nobody sends it again (B-180).
operations.hear = {
  arity = 6,
  run = function(tag, device, identity, token, acknowledged, lease, mark, generation)
    local session = load(tag, device)
    local reason = unheard(session, identity, mark, generation)
    if reason then
      return reason
    end
    accept(session, mark, generation)
    redis.call('HSET', session.key, 'edge', edge)
    local last = flight(session)
    local stored = last and redis.call('HGET', requests(session), last.id)
    if stored and (last.edge ~= edge or now >= last.until_) then
      local _, body = head_and_body(stored)
      if acknowledged == '1' or token == asking(session, last.id, body) then
        return give(session, last.id, stored, lease, '1')
      end
    end
    return { 'heard', '', session.waiting and 'waiting' or '' }
  end,
}

-- An edge says that the request under way still is.
operations.hold = {
  arity = 3,
  run = function(tag, device, id, acknowledged, lease)
    local session = { key = tag .. ':session:' .. device, tag = tag, device = device }
    local last = flight(session)
    if not last or last.id ~= id or last.edge ~= edge then
      return 'unknown'
    end
    under_way(session, id, lease, acknowledged)
    return 'recorded'
  end,
}

-- A request ends. An observation that it began is known by its `token` from here on; one
-- that it ended has none. Both are of the path `observed`, and a beginning of those in the
-- lines below it.
operations.complete = {
  arity = 7,
  run = function(tag, device, id, outcome, token, observed, path, value, invalidated)
    local session = load(tag, device)
    local stored = redis.call('HGET', requests(session), id)
    if not stored then
      return 'unknown'
    end
    if token ~= '' then
      redis.call('HSET', tokens(session), token, '0 0 ' .. observed)
    elseif observed ~= '' then
      local known = redis.call('HGETALL', tokens(session))
      for index = 1, #known, 2 do
        if select(3, observation(known[index + 1])) == observed then
          redis.call('HDEL', tokens(session), known[index])
        end
      end
    end
    if invalidated ~= '' then
      invalidate(session, invalidated)
    end
    if value ~= '' then
      keep_value(session, path, value)
    end
    local left = complete(session, id, stored, outcome)
    return { 'recorded', '', left > 0 and 'waiting' or '' }
  end,
}

-- An attempt has failed: the request stays the first, for the device's next contact
-- (R-90). `body` replaces what is to be sent, unless it is empty.
operations.postpone = {
  arity = 2,
  run = function(tag, device, id, body)
    local session = { key = tag .. ':session:' .. device, tag = tag, device = device }
    local stored = redis.call('HGET', requests(session), id)
    if not stored then
      return 'unknown'
    end
    if body ~= '' then
      redis.call('HSET', requests(session), id, (head_and_body(stored)) .. '\n' .. body)
    end
    local last = flight(session)
    if last and last.id == id and last.edge == edge then
      under_way(session, id, 0, last.acknowledged) -- its answer may still come
    end
    return { 'postponed', redis.call('HGET', session.key, 'edge') }
  end,
}

-- Ends requests whose time has passed; `device` is how many at most. One under way may go
-- on for as long as its edge lives (B-180). Answers how many ended, and what is due next.
operations.lapse = {
  arity = 0,
  run = function(tag, most)
    local key, ended, kept = tag .. ':deadlines', 0, 0
    for _, member in ipairs(redis.call('ZRANGEBYSCORE', key, '-inf', now_number,
      'LIMIT', 0, most)) do
      local device, id = string.match(member, '^(%S+) (%S+)$')
      local session = load(tag, device)
      local stored = redis.call('HGET', requests(session), id)
      local last = flight(session)
      if not stored then
        redis.call('ZREM', key, member)
      elseif last and last.id == id and now < last.until_ then
        redis.call('ZADD', key, string.format('%.0f', last.until_), member)
        kept = kept + 1
      else
        if last and last.id == id and last.acknowledged == '1' then
          time_out(session, id, stored)
        else
          complete(session, id, stored, ',"outcome":"expired"')
        end
        ended = ended + 1
      end
    end
    local first = redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')
    return { 'expired', ended, kept, first[2] or '' }
  end,
}

-- What a token stands for, and where: the device has told only the beginning of it.
operations.locate = {
  arity = 4,
  run = function(tag, device, identity, token, mark, generation)
    local session = load(tag, device)
    local reason = unheard(session, identity, mark, generation)
    if reason then
      return reason
    end
    local known = redis.call('HGET', tokens(session), token)
    if not known then
      return 'unknown'
    end
    accept(session, mark, generation)
    return { 'located', select(3, observation(known)), root(session) }
  end,
}

-- Whether a notification is newer than the last one of its token (RFC 7641 §3.4).
local function is_newer(sequence, at, last, last_at)
  return (last < sequence and sequence - last < NEWER_SEQUENCE)
    or (last > sequence and last - sequence > NEWER_SEQUENCE)
    or at > last_at + NEWER_TIME
end

-- Which path of which device an event is about; its type is for those who want some only.
local function about(session, path)
  return subject(session) .. ',"endpoint_type":' .. cjson.encode(session.endpoint_type)
    .. ',"path":' .. cjson.encode(path)
end

-- A device notifies of what is observed. `ends` says that it will not do so again;
-- `members` is what the event says besides the path, `told` a line for each path that it
-- tells of, where that is known.
operations.notify = {
  arity = 9,
  run = function(tag, device, identity, token, sequence, ends, members, value, mark,
                 generation, told)
    local session = load(tag, device)
    local reason = unheard(session, identity, mark, generation)
    if reason then
      return reason
    end
    local known = redis.call('HGET', tokens(session), token)
    if not known then
      return 'unknown'
    end
    local last, last_at, path, listed = observation(known)
    if listed ~= '' and not is_asked_for(listed, told) then
      return 'unknown'
    end
    accept(session, mark, generation)
    redis.call('HSET', session.key, 'edge', edge)
    local waiting = session.waiting and 'waiting' or ''
    if sequence ~= '' and tonumber(last_at) > 0
      and not is_newer(tonumber(sequence), now, tonumber(last), tonumber(last_at)) then
      return { 'older', '', waiting }
    end
    if ends == '1' then
      redis.call('HDEL', tokens(session), token)
    elseif sequence ~= '' then
      redis.call('HSET', tokens(session), token,
        sequence .. ' ' .. now_number .. ' ' .. path .. listed)
    end
    read(session, COLD)
    if value ~= '' then
      keep_value(session, path, value)
    end
    record(session, 'resource.notified', next_revision(tag),
      about(session, path) .. members)
    return { 'recorded', '', waiting }
  end,
}

-- A device reports values unasked: lines of a path, what the event says besides, and the
-- value to keep or nothing (LwM2M 1.1 core §6.4.4, Send).
operations.report = {
  arity = 5,
  run = function(tag, device, exchange, identity, reports, mark, generation)
    local session, known = begin(tag, device, exchange, mark, generation)
    if known then
      return known
    end
    if not session.live or session.identity ~= identity then
      return 'unknown'
    end
    accept(session, mark, generation)
    read(session, COLD)
    for path, members, value in string.gmatch(reports, '([^\n]+)\n([^\n]*)\n([^\n]*)\n') do
      if value ~= '' then
        keep_value(session, path, value)
      end
      record(session, 'resource.notified', next_revision(tag),
        about(session, path) .. members)
    end
    redis.call('HSET', session.key, 'edge', edge)
    remember(session, exchange, 'reported')
    return { 'reported', '', session.waiting and 'waiting' or '' }
  end,
}
