-- Registration sessions: they begin, are renewed, change and end.

local RATE_OPERATIONS = 10 -- B-112: more than these ...
local RATE_WINDOW = 10000 -- ... within this, ms, ...
local RATE_HOLD = 60000 -- ... are held for this, ms
local NOSEC = 'nosec' -- the identity of everybody who has proved none
local RIVALRY = 60000 -- ms within which two devices with one credential are noticed (B-095)

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

-- Where another device with the same credential was heard a moment ago, '' if nowhere
-- (B-095). Whoever keeps its association or has got another credential is the same device.
local function rival(session, identity, issued, peer, mark)
  if not session.live or session.identity ~= identity or identity == NOSEC then
    return ''
  end
  local kept = redis.call('HMGET', session.key, 'peer', 'issued')
  local due = redis.call('ZSCORE', session.tag .. ':expiry', session.device)
  local heard = tonumber(due) - session.lifetime * 1000
  local associated = mark ~= '' and session.mark
    and string.sub(mark, 1, ASSOCIATION) == string.sub(session.mark, 1, ASSOCIATION)
  if kept[1] == peer or kept[2] ~= issued or associated or now - heard >= RIVALRY then
    return ''
  end
  return kept[1]
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

local function finish(session, fact, reason)
  read(session, COLD)
  clear(session, reason)
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

operations.register = {
  arity = 22,
  run = function(tag, device, exchange, identity, account, endpoint_name, registration_id,
                 profile, lifetime, binding, queue_mode, version, endpoint_type, parameters,
                 peer, resources, mark, generation, issued, replace, fixed, observed,
                 reported, szx)
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
    local rival_at = rival(session, identity, issued, peer, mark)
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
      clear(session, 'registered')
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
      'endpoint_type', endpoint_type, 'parameters', parameters, 'fixed', fixed,
      'issued', issued, 'szx', szx)
    redis.call('HDEL', session.key, 'refresh_entry')
    redis.call('PERSIST', session.key)
    redis.call('SET', description(session), text)
    describe_resources(session, observed, reported)
    record(session, 'device.registered', revision, expires_at(session)
      .. ',"identity":' .. cjson.encode(identity) .. ',"credential_issued":' .. issued
      .. ',"conflicts_with":' .. cjson.encode(rival_at) .. text)
    return { 'registered', registration_id, rival_at }
  end,
}

-- Answers an update, and says whether requests wait for the device.
local function updated(session)
  return session.waiting and { 'updated', '', 'waiting' } or 'updated'
end

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
    return updated(session)
  end,
}

-- An update that may change something; an argument that is empty leaves what it means.
operations.update = {
  arity = 16,
  run = function(tag, device, exchange, identity, location, account, peer, if_revision,
                 lifetime, binding, queue_mode, endpoint_type, resources, mark, generation,
                 parameters, observed, reported)
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
      describe_resources(session, observed, reported)
    end
    if #changes > 0 then
      text = described(session, stored)
      redis.call('SET', description(session), text)
    end
    local revision = next_revision(tag)
    keep(session, revision, exchange, 'updated', 'peer', peer)
    record_update(session, revision, text, changes)
    return updated(session)
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

-- A device has to leave; one that is suspended stays away (B-165, B-166). With an identity
-- it leaves only if it registered with that.
operations.dismiss = {
  arity = 2,
  run = function(tag, device, reason, identity)
    if reason == 'suspended' then
      redis.call('SET', tag .. ':suspended:' .. device, '')
    end
    local session = load(tag, device)
    if not session.live or identity ~= '' and session.identity ~= identity then
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
