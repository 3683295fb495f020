-- A list of operations on the devices of some buckets, each atomic, in one round trip. This
-- file is the first of five that make one script (`homeport.store.scripts`): what all
-- operations need.
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
local REFUSAL_SECONDS = 60 -- a refusal of a device is told once in this time (B-067)
local MARK, ASSOCIATION = 40, 28 -- characters

-- What every operation needs of a session, and what only some need besides.
local HOT = {
  'registration_id', 'account_id', 'identity', 'profile', 'lifetime', 'recent',
  'held_until', 'answers', 'refresh_entry', 'mark', 'waiting',
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
local operations = {}

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
-- with, as JSON. Its id is the device's and `name`, or the revision.
local function record(session, fact, revision, members, name)
  local outbox, number = session.tag .. ':outbox', string.format('%.0f', revision)
  local id = session.device .. '.' .. (name or number)
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
