-- What an edge does to associations that any edge may find: each of them atomically.
--
-- KEYS     the associations; on a cluster one a call
-- ARGV[1]  save, take, recall, rest, reseal or drop
-- ARGV[2]  the edge that calls
-- ARGV[3]  for how many seconds an association without a sign of life is kept
-- ARGV[4]  the beginning of the channel on which an edge is told that it lost one
-- ARGV[5]  then, for each association, the arguments of that operation
--
-- `take` and `recall` answer, for each association, {generation, the edge that had it} or nothing.

local LAST_GENERATION = 16777215 -- 24 bits of a record's sequence number

local edge, seconds, told = ARGV[2], ARGV[3], ARGV[4]

local function tell(key, owner)
  if owner and owner ~= edge then
    redis.call('PUBLISH', told .. owner, string.match(key, '{(.*)}$'))
  end
end

local operations = {}

-- An edge that still has another association of that place is told that it is over.
operations.save = {
  arity = 5,
  run = function(key, id, secrets, identity, peer, received)
    tell(key, redis.call('HGET', key, 'owner'))
    redis.call('HSET', key, 'id', id, 'secrets', secrets, 'identity', identity,
      'peer', peer, 'received', received, 'owner', edge, 'generation', 1)
    redis.call('EXPIRE', key, seconds)
  end,
}

-- A record that is not newer than all that is known to have arrived is a replay.
operations.take = {
  arity = 2,
  run = function(key, id, sequence)
    local kept = redis.call('HMGET', key, 'id', 'generation', 'received', 'owner')
    if kept[1] ~= id or tonumber(kept[2]) >= LAST_GENERATION
      or tonumber(sequence) <= tonumber(kept[3]) then
      return
    end
    redis.call('HSET', key, 'generation', kept[2] + 1, 'received', sequence,
      'owner', edge)
    redis.call('EXPIRE', key, seconds)
    tell(key, kept[4])
    return { kept[2] + 1, kept[4] }
  end,
}

-- Without a record; where one is known that the caller has not heard of, its peer has spoken
-- to somebody else meanwhile.
operations.recall = {
  arity = 2,
  run = function(key, id, received)
    local kept = redis.call('HMGET', key, 'id', 'generation', 'received', 'owner')
    if kept[1] ~= id or tonumber(kept[2]) >= LAST_GENERATION
      or tonumber(received) < tonumber(kept[3]) then
      return
    end
    redis.call('HSET', key, 'generation', kept[2] + 1, 'received', received,
      'owner', edge)
    tell(key, kept[4])
    return { kept[2] + 1, kept[4] }
  end,
}

operations.rest = {
  arity = 2,
  run = function(key, id, received)
    local kept = redis.call('HMGET', key, 'id', 'received')
    if kept[1] ~= id then
      return
    end
    if tonumber(received) > tonumber(kept[2]) then
      redis.call('HSET', key, 'received', received)
    end
    redis.call('EXPIRE', key, seconds)
  end,
}

operations.reseal = {
  arity = 2,
  run = function(key, id, secrets)
    if redis.call('HGET', key, 'id') == id then
      redis.call('HSET', key, 'secrets', secrets)
    end
  end,
}

operations.drop = {
  arity = 1,
  run = function(key, id)
    if redis.call('HGET', key, 'id') == id then
      redis.call('DEL', key)
    end
  end,
}

local operation = operations[ARGV[1]]
local answers = {}
for index, key in ipairs(KEYS) do
  local last = 4 + index * operation.arity
  answers[index] = operation.run(key, unpack(ARGV, last - operation.arity + 1, last))
    or false
end
return answers
