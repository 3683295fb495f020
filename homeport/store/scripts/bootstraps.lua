-- Bootstraps, and devices that are refused.

local BOOTSTRAP_LIFETIME = 600000 -- ms; longer than any of its steps may stand still (B-030)

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
