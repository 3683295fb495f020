-- Runs what was asked for, one operation after another.

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
