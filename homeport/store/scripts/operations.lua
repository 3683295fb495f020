-- A list of operations on registration sessions, each atomic, in one round trip.
--
-- KEYS[1]  any key of the slot that is meant; on a cluster all operations are of one bucket
-- ARGV[1]  the edge that calls
-- ARGV[2]  when the oldest datagram of the batch arrived, microseconds of this server's clock
-- ARGV[3]  how long an operation may have waited, microseconds
-- ARGV[4]  entries of an outbox above which a refresh replaces the one before it
-- ARGV[5]  how long an association may be kept, milliseconds
-- ARGV[6]  then, for each operation: its name, its bucket, its device, its arguments
--
-- Answers a list, one outcome an operation: a word, or {word, details...}.

local EXCHANGE_LIFETIME = 247000 -- ms; RFC 7252 §4.8.2
local RATE_OPERATIONS = 10 -- B-112: more than these ...
local RATE_WINDOW = 10000 -- ... within this, ms, ...
local RATE_HOLD = 60000 -- ... are held for this, ms
local BOOTSTRAP_LIFETIME = 600000 -- ms; longer than any of its steps may stand still (B-030)
local REFUSAL_SECONDS = 60 -- a refusal of a device is told once in this time (B-067)
local MARK, ASSOCIATION = 40, 28 -- characters
local NOSEC = 'nosec' -- the identity of everybody who has proved none

-- What every operation needs of a session, and what only some need besides.
local HOT = {
  'registration_id', 'account_id', 'identity', 'profile', 'lifetime', 'recent',
  'held_until', 'answers', 'refresh_entry', 'mark',
}
local COLD = {
  'endpoint_name', 'binding', 'queue_mode', 'lwm2m_version', 'endpoint_type',
  'parameters', 'revision',
}
local RESOURCES = ',"resources":'

local time = redis.call('TIME')
local now_us = time[1] * 1000000 + time[2]
local now = math.floor(now_us / 1000) -- ms

local edge = ARGV[1]
local stale = now_us - tonumber(ARGV[2]) > tonumber(ARGV[3])
local outbox_limit = tonumber(ARGV[4])
local association_lifetime = ARGV[5]

local dates = {}

-- RFC 3339 in UTC with six decimals; days to date by the proleptic Gregorian rules.
local function timestamp(us)
  local seconds = math.floor(us / 1000000)
  local day = math.floor(seconds / 86400)
  local date = dates[day]
  if not date then
    local z = day + 719468
    local era = math.floor(z / 146097)
    local doe = z - era * 146097
    local yoe = math.floor((doe - math.floor(doe / 1460) + math.floor(doe / 36524)
      - math.floor(doe / 146096)) / 365)
    local doy = doe - (365 * yoe + math.floor(yoe / 4) - math.floor(yoe / 100))
    local mp = math.floor((5 * doy + 2) / 153)
    local month = mp < 10 and mp + 3 or mp - 9
    local year = yoe + era * 400 + (month <= 2 and 1 or 0)
    date = string.format('%04d-%02d-%02dT', year, month,
      doy - math.floor((153 * mp + 2) / 5) + 1)
    dates[day] = date
  end
  local second = seconds - day * 86400
  return date .. string.format('%02d:%02d:%02d.%06dZ', math.floor(second / 3600),
    math.floor(second / 60) % 60, second % 60, us - seconds * 1000000)
end

local now_text = timestamp(now_us)
local now_number = string.format('%.0f', now)
local now_packed = struct.pack('>I4', now % 4294967296)
local clocks = {}

-- The bucket's next revision: the clock's microseconds, but never twice and never back.
local function next_revision(tag)
  local key = tag .. ':clock'
  local last = clocks[key] or tonumber(redis.call('GET', key) or '0')
  local revision = math.max(last + 1, now_us)
  clocks[key] = revision
  return revision
end

local function save_clocks()
  for key, revision in pairs(clocks) do
    redis.call('SET', key, string.format('%.0f', revision))
  end
end

-- How many entries an outbox has; asked once a call, counted after that.
local lengths = {}

local function outbox_length(outbox)
  lengths[outbox] = lengths[outbox] or redis.call('XLEN', outbox)
  return lengths[outbox]
end

local function read(session, fields)
  local values = redis.call('HMGET', session.key, unpack(fields))
  for index = 1, #fields do
    session[fields[index]] = values[index] or nil
  end
end

local function load(tag, device)
  local session = { key = tag .. ':session:' .. device, tag = tag, device = device }
  read(session, HOT)
  session.live = session.registration_id and session.registration_id ~= ''
  return session
end

-- Puts an event into the outbox; `members` are all but the four that every fact begins
-- with, as JSON.
local function record(session, fact, revision, members)
  local outbox, number = session.tag .. ':outbox', string.format('%.0f', revision)
  local id = session.device .. '.' .. number
  lengths[outbox] = outbox_length(outbox) + 1
  return redis.call('XADD', outbox, '*',
    'head', id .. ' ' .. fact .. ' ' .. session.account_id .. ' ' .. now_text,
    'body', '{"fact":"' .. fact .. '","id":"' .. id .. '","time":"' .. now_text
      .. '","revision":' .. number .. members .. '}')
end

-- Whose event it is.
local function subject(session)
  return ',"account_id":"' .. session.account_id .. '","device_id":"' .. session.device
    .. '","endpoint_name":' .. cjson.encode(session.endpoint_name)
end

-- Everything that the events of a registration say of it, but when it ends. It is made
-- when it changes and kept as text: a refresh has nothing to build.
local function described(session, resources)
  return subject(session)
    .. ',"registration_id":"' .. session.registration_id
    .. '","lifetime":' .. session.lifetime
    .. ',"binding":' .. cjson.encode(session.binding)
    .. ',"queue_mode":' .. (session.queue_mode == '1' and 'true' or 'false')
    .. ',"lwm2m_version":"' .. session.lwm2m_version
    .. '","endpoint_type":' .. cjson.encode(session.endpoint_type)
    .. ',"profile":"' .. session.profile
    .. '","parameters":' .. session.parameters
    .. RESOURCES .. resources
end

local function description(session)
  return session.tag .. ':description:' .. session.device
end

local function expires_at(session)
  return ',"expires_at":"' .. timestamp(now_us + session.lifetime * 1000000) .. '"'
end

-- Why a record must have no effect: it, a newer one or one of a newer association has had
-- one, or the edge that brings it has the association no more. `mark` of a session or a
-- bootstrap is that of the last one with an effect, a blank and its generation. Lua
-- compares texts by the locale; hexadecimal digits have one order in all of them.
local function outdated(state, mark, generation)
  local last = state.mark
  if mark == '' or not last then
    return
  end
  if mark <= string.sub(last, 1, MARK) then
    return 'replayed'
  end
  if string.sub(mark, 1, ASSOCIATION) == string.sub(last, 1, ASSOCIATION)
    and tonumber(generation) < tonumber(string.sub(last, MARK + 2)) then
    return 'superseded'
  end
end

-- The record of an operation has an effect from here on.
local function accept(state, mark, generation)
  if mark ~= '' then
    state.mark = mark .. ' ' .. generation
    redis.call('HSET', state.key, 'mark', state.mark)
  end
end

-- Lets what is left go by itself, but never before an association that could repeat it.
local function leave(state, milliseconds)
  redis.call('PEXPIRE', state.key, state.mark and association_lifetime or milliseconds)
end

-- The outcome of a message seen before, whichever edge saw it (B-228). `answers` holds
-- the last two: exchange, time and outcome of each, all followed by a blank.
local function answered(session, exchange)
  local answers = session.answers
  if not answers or not string.find(answers, exchange .. ' ', 1, true) then
    return
  end
  for seen, at, outcome in string.gmatch(answers, '(%S+) (%d+) (%a+) ') do
    if seen == exchange and now - at < EXCHANGE_LIFETIME then
      return { outcome, session.registration_id or '' }
    end
  end
end

local function with_answer(session, exchange, outcome)
  local last = string.match(session.answers or '', '^%S+ %S+ %S+ ') or ''
  return exchange .. ' ' .. now_number .. ' ' .. outcome .. ' ' .. last
end

local function remember(session, exchange, outcome)
  redis.call('HSET', session.key, 'answers', with_answer(session, exchange, outcome))
end

-- Begins an operation that a message brought; returns the session, and the outcome where
-- there is one already.
local function begin(tag, device, exchange, mark, generation)
  local session = load(tag, device)
  local reason = outdated(session, mark, generation)
  if reason then
    return session, reason
  end
  local repeated = answered(session, exchange)
  if repeated then
    accept(session, mark, generation)
  end
  return session, repeated
end

-- Tells of a refusal, but not again and again (B-067).
local function refuse(tag, device, account, endpoint_name, fact, body)
  local key = tag .. ':refused:' .. device .. ':' .. fact
  if not redis.call('SET', key, '', 'NX', 'EX', REFUSAL_SECONDS) then
    return 'repeated'
  end
  local whose =
    { tag = tag, device = device, account_id = account, endpoint_name = endpoint_name }
  record(whose, fact, next_revision(tag), subject(whose) .. body)
  return 'recorded'
end

-- Whether an endpoint name is an identity's, now if not before (B-096).
local function claim(tag, device, identity, replace)
  local key = tag .. ':owner:' .. device
  local owner = redis.call('GET', key)
  if owner == identity then
    return true
  end
  if owner and owner ~= NOSEC and (identity == NOSEC or replace ~= '1') then
    return false
  end
  redis.call('SET', key, identity)
  return true
end

-- Counts an operation; returns the milliseconds it is held, or nothing (B-112 .. B-116).
local function held(session)
  local until_ = tonumber(session.held_until or '0')
  if now < until_ then
    return until_ - now
  end
  local recent = session.recent or ''
  if #recent == 4 * RATE_OPERATIONS then
    local oldest = struct.unpack('>I4', recent)
    if (now - oldest) % 4294967296 < RATE_WINDOW then
      redis.call('HSET', session.key, 'held_until', string.format('%.0f', now + RATE_HOLD))
      if not session.endpoint_name then
        read(session, COLD)
      end
      record(session, 'registration.refused', next_revision(session.tag),
        subject(session) .. ',"reason":"more than ' .. RATE_OPERATIONS
          .. ' registration operations in ' .. RATE_WINDOW / 1000 .. ' s"')
      return RATE_HOLD
    end
    recent = string.sub(recent, 5)
  end
  session.recent = recent .. now_packed
end

local function clear_queue(session, reason)
  local key = session.tag .. ':queue:' .. session.device
  local waiting = redis.call('LRANGE', key, 0, -1)
  if #waiting > 0 then
    redis.call('DEL', key)
    record(session, 'queue.cleared', next_revision(session.tag),
      subject(session) .. ',"reason":"' .. reason
        .. '","requests":[' .. table.concat(waiting, ',') .. ']')
  end
end

local function finish(session, fact, reason)
  read(session, COLD)
  clear_queue(session, reason)
  redis.call('DEL', description(session))
  redis.call('ZREM', session.tag .. ':expiry', session.device)
  record(session, fact, next_revision(session.tag),
    subject(session) .. ',"registration_id":"' .. session.registration_id .. '"')
  -- What is left answers repeated messages, counts operations and keeps the mark.
  redis.call('HSET', session.key, 'registration_id', '')
  leave(session, EXCHANGE_LIFETIME)
end

-- Whether a Location and an identity lead to this session (B-092 .. B-094).
local function belongs(session, location, account, identity)
  if not session.live or session.identity ~= identity then
    return false
  end
  if location ~= '' then
    return session.registration_id == location
  end
  return session.account_id == account and redis.call('HGET', session.key, 'fixed') == '1'
end

local function keep(session, revision, exchange, outcome, ...)
  redis.call('HSET', session.key, 'revision', string.format('%.0f', revision),
    'recent', session.recent, 'edge', edge,
    'answers', with_answer(session, exchange, outcome), ...)
  redis.call('ZADD', session.tag .. ':expiry',
    string.format('%.0f', now + session.lifetime * 1000), session.device)
end

-- A refresh may replace the refresh before it where the bus has been away for long.
local function record_update(session, revision, text, changes)
  local outbox = session.tag .. ':outbox'
  local replaceable = #changes == 0 and outbox_length(outbox) > outbox_limit
  if replaceable and session.refresh_entry then
    local replaced = redis.call('XDEL', outbox, session.refresh_entry)
    lengths[outbox] = lengths[outbox] - replaced
    redis.call('INCRBY', session.tag .. ':replaced', replaced)
  end
  local listed = #changes == 0 and '' or '"' .. table.concat(changes, '","') .. '"'
  local entry = record(session, 'registration.updated', revision,
    expires_at(session) .. ',"changes":[' .. listed .. ']' .. text)
  if replaceable then
    redis.call('HSET', session.key, 'refresh_entry', entry)
  elseif session.refresh_entry then
    redis.call('HDEL', session.key, 'refresh_entry')
  end
end

local operations = {}

operations.register = {
  arity = 19,
  run = function(tag, device, exchange, identity, account, endpoint_name, registration_id,
                 profile, lifetime, binding, queue_mode, version, endpoint_type, parameters,
                 peer, resources, mark, generation, issued, replace, fixed)
    local session, known = begin(tag, device, exchange, mark, generation)
    if known then
      return known
    end
    if redis.call('EXISTS', tag .. ':suspended:' .. device) == 1 then
      refuse(tag, device, account, endpoint_name, 'registration.refused',
        ',"reason":"the device is suspended"')
      return 'suspended'
    end
    if not claim(tag, device, identity, replace) then
      refuse(tag, device, account, endpoint_name, 'registration.refused',
        ',"reason":"the endpoint name belongs to another credential"')
      return 'forbidden'
    end
    accept(session, mark, generation)
    local was_live = session.live
    session.account_id, session.endpoint_name = account, endpoint_name
    local hold = held(session)
    if hold then
      if not was_live then
        leave(session, EXCHANGE_LIFETIME)
      end
      return { 'held', hold, profile }
    end
    if was_live then
      clear_queue(session, 'registered')
    end
    session.registration_id, session.profile, session.lifetime =
      registration_id, profile, lifetime
    session.binding, session.queue_mode, session.lwm2m_version = binding, queue_mode, version
    session.endpoint_type, session.parameters = endpoint_type, parameters
    local revision, text = next_revision(tag), described(session, resources)
    keep(session, revision, exchange, 'registered', 'peer', peer,
      'registration_id', registration_id, 'account_id', account, 'identity', identity,
      'endpoint_name', endpoint_name, 'profile', profile, 'lifetime', lifetime,
      'binding', binding, 'queue_mode', queue_mode, 'lwm2m_version', version,
      'endpoint_type', endpoint_type, 'parameters', parameters, 'fixed', fixed)
    redis.call('HDEL', session.key, 'refresh_entry')
    redis.call('PERSIST', session.key)
    redis.call('SET', description(session), text)
    record(session, 'device.registered', revision, expires_at(session)
      .. ',"identity":' .. cjson.encode(identity) .. ',"credential_issued":' .. issued .. text)
    return { 'registered', registration_id }
  end,
}

-- The hot one: an update that says nothing but "I am still here".
operations.refresh = {
  arity = 7,
  run = function(tag, device, exchange, identity, location, account, peer, mark, generation)
    local session, known = begin(tag, device, exchange, mark, generation)
    if known then
      return known
    end
    if not belongs(session, location, account, identity) then
      return 'unknown'
    end
    accept(session, mark, generation)
    local hold = held(session)
    if hold then
      return { 'held', hold, session.profile }
    end
    local revision = next_revision(tag)
    keep(session, revision, exchange, 'updated', 'peer', peer)
    record_update(session, revision, redis.call('GET', description(session)), {})
    return 'updated'
  end,
}

-- An update that may change something; an argument that is empty leaves what it means.
operations.update = {
  arity = 14,
  run = function(tag, device, exchange, identity, location, account, peer, if_revision,
                 lifetime, binding, queue_mode, endpoint_type, resources, mark, generation,
                 parameters)
    local session, known = begin(tag, device, exchange, mark, generation)
    if known then
      return known
    end
    if not belongs(session, location, account, identity) then
      return 'unknown'
    end
    read(session, COLD)
    if if_revision ~= '' and if_revision ~= session.revision then
      return 'conflict'
    end
    accept(session, mark, generation)
    local hold = held(session)
    if hold then
      return { 'held', hold, session.profile }
    end
    local changes = {}
    local function change(field, value)
      if value ~= '' and value ~= session[field] then
        session[field] = value
        redis.call('HSET', session.key, field, value)
        changes[#changes + 1] = field
      end
    end
    change('lifetime', lifetime)
    change('binding', binding)
    change('queue_mode', queue_mode)
    change('endpoint_type', endpoint_type)
    change('parameters', parameters)
    local text = redis.call('GET', description(session))
    local _, kept = string.find(text, RESOURCES, 1, true)
    local stored = string.sub(text, kept + 1)
    if resources ~= '' and resources ~= stored then
      stored = resources
      changes[#changes + 1] = 'resources'
    end
    if #changes > 0 then
      text = described(session, stored)
      redis.call('SET', description(session), text)
    end
    local revision = next_revision(tag)
    keep(session, revision, exchange, 'updated', 'peer', peer)
    record_update(session, revision, text, changes)
    return 'updated'
  end,
}

operations.deregister = {
  arity = 6,
  run = function(tag, device, exchange, identity, location, account, mark, generation)
    local session, known = begin(tag, device, exchange, mark, generation)
    if known then
      return known
    end
    if not belongs(session, location, account, identity) then
      return 'unknown'
    end
    accept(session, mark, generation)
    finish(session, 'device.deregistered', 'deregistered')
    remember(session, exchange, 'deregistered')
    return 'deregistered'
  end,
}

-- Ends what is due; `device` is how many at most. Answers how many ended, how many wait
-- for the end of an outage (B-108), and the score of what is due next.
operations.expire = {
  arity = 3,
  run = function(tag, most, grace, outage_ended, outage_grace)
    local key = tag .. ':expiry'
    local due = redis.call('ZRANGEBYSCORE', key, '-inf',
      string.format('%.0f', now - grace), 'LIMIT', 0, most)
    local expired, postponed = 0, 0
    for _, device in ipairs(due) do
      local session = load(tag, device)
      if not session.live then
        redis.call('ZREM', key, device)
      else
        local from = tonumber(outage_ended)
        local patience = from + math.max(tonumber(outage_grace), session.lifetime * 100)
        if from > 0 and tonumber(outage_grace) > 0 and now < patience then
          redis.call('ZADD', key, string.format('%.0f', patience - grace), device)
          postponed = postponed + 1
        else
          finish(session, 'registration.expired', 'expired')
          expired = expired + 1
        end
      end
    end
    local first = redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')
    return { 'expired', expired, postponed, first[2] or '' }
  end,
}

-- A bootstrap begins; a running one of the same device is over (B-029).
operations.bootstrap = {
  arity = 6,
  run = function(tag, device, exchange, account, endpoint_name, attempt, mark, generation)
    local key = tag .. ':bootstrap:' .. device
    local running = redis.call('HMGET', key, 'exchange', 'attempt', 'mark')
    local session =
      { key = key, tag = tag, device = device, account_id = account,
        endpoint_name = endpoint_name, mark = running[3] }
    local reason = outdated(session, mark, generation)
    if reason then
      return reason
    end
    accept(session, mark, generation)
    if running[1] == exchange then
      return { 'repeated', running[2] }
    end
    redis.call('HSET', key, 'exchange', exchange, 'attempt', attempt)
    leave(session, BOOTSTRAP_LIFETIME)
    record(session, 'device.bootstrapping', next_revision(tag), subject(session))
    return 'bootstrapping'
  end,
}

-- A bootstrap ends, unless a newer one has taken its place. What is left keeps the mark.
operations.bootstrapped = {
  arity = 5,
  run = function(tag, device, attempt, account, endpoint_name, fact, body)
    local key = tag .. ':bootstrap:' .. device
    if redis.call('HGET', key, 'attempt') ~= attempt then
      return 'superseded'
    end
    redis.call('HDEL', key, 'exchange', 'attempt')
    local session =
      { tag = tag, device = device, account_id = account, endpoint_name = endpoint_name }
    record(session, fact, next_revision(tag), subject(session) .. body)
    return 'recorded'
  end,
}

operations.refuse = { arity = 4, run = refuse }

-- A device has to leave; one that is suspended stays away (B-165, B-166).
operations.dismiss = {
  arity = 1,
  run = function(tag, device, reason)
    if reason == 'suspended' then
      redis.call('SET', tag .. ':suspended:' .. device, '')
    end
    local session = load(tag, device)
    if not session.live then
      return 'unknown'
    end
    finish(session, 'device.deregistered', reason)
    return 'deregistered'
  end,
}

operations.readmit = {
  arity = 0,
  run = function(tag, device)
    redis.call('DEL', tag .. ':suspended:' .. device)
    return 'recorded'
  end,
}

local outcomes = {}
local at = 6
while at <= #ARGV do
  local operation = operations[ARGV[at]]
  local last = at + 2 + operation.arity
  if stale then
    outcomes[#outcomes + 1] = 'stale'
  else
    outcomes[#outcomes + 1] =
      operation.run('{b' .. ARGV[at + 1] .. '}', unpack(ARGV, at + 2, last))
  end
  at = last + 1
end
save_clocks()
return outcomes
