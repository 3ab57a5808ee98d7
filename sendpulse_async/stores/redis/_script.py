"""What Redis does with a question of one process, at once and by its own clock."""

SCRIPT = """\
-- KEYS: a hash with the account's meters and its pause; a sorted set of the processes that use them.
-- ARGV: the question, as JSON. All times are microseconds; those of the question are ages and lengths.
local ask, time = cjson.decode(ARGV[1]), redis.call("TIME")
local now = time[1] * 1000000 + time[2]

local names = {"seen", "heard_at", "paused_until", "in_a_row", "reopens_at"}
for _, meter in ipairs(ask.meters) do
  table.insert(names, meter.name)
end

-- What is no number, or lies so far ahead that nobody can have meant it, is as good as absent.
local state = {}
for i, kept in ipairs(redis.call("HMGET", KEYS[1], unpack(names))) do
  local value = tonumber(kept)
  state[names[i]] = value and value > 0 and value < now + ask.longest and value or 0
end

-- A clock that was set back, or another server's, must not make all wait until it has caught up.
local back = math.max(0, state.seen - now)
for name, value in pairs(state) do
  if name ~= "in_a_row" then
    state[name] = value - back
  end
end
state.seen = now

-- The rules of Quota.pause and Quota.resume, in the order in which it happened.
local function refuse(word)
  local is_new = now - word.since >= state.heard_at
  if is_new then
    state.in_a_row = state.in_a_row + 1
  elseif word.length == 0 then
    return
  end
  local doubled = ask.first_pause * 2 ^ math.min(state.in_a_row - 1, 16)
  local length = word.length > 0 and word.length or math.min(doubled, ask.longest_pause)
  local refused_at = now - word.ago
  state.paused_until = math.max(state.paused_until, refused_at + length)
  if is_new then
    state.heard_at = math.min(state.paused_until, refused_at + ask.hearing)
  end
end

for _, word in ipairs(ask.words) do
  if word.length then
    refuse(word)
  elseif now - word.since >= state.paused_until then
    state.in_a_row = 0
  end
end

-- Who could not reach this server goes on with his share until all have seen that it is back.
local is_near = state.reopens_at > now and state.reopens_at <= now + ask.returning
if ask.was_away and not is_near then
  state.reopens_at = now + ask.returning
end

-- Places, in the order in which they were asked for: all meters allow them, or they are not taken. They come after
-- the pause that the process knows of as well, should it have been forgotten here.
local waits = {}
for i, patience in ipairs(ask.patience) do
  local start = math.max(now + ask.pause, state.paused_until)
  for _, meter in ipairs(ask.meters) do
    start = math.max(start, state[meter.name] - (meter.burst - 1) * meter.interval)
  end
  waits[i] = start - now
  for _, meter in ipairs(waits[i] < patience and ask.meters or {}) do
    state[meter.name] = math.max(state[meter.name], start) + meter.interval
  end
end

local fields, dues, last = {}, {}, state.paused_until
for name, value in pairs(state) do
  table.insert(fields, name)
  table.insert(fields, value)
end
for i, meter in ipairs(ask.meters) do
  dues[i] = state[meter.name] - now
  last = math.max(last, state[meter.name])
end
redis.call("HSET", KEYS[1], unpack(fields))
redis.call("PEXPIRE", KEYS[1], math.ceil((math.max(now, last) - now + ask.kept_for) / 1000))

redis.call("ZADD", KEYS[2], now, ask.process)
redis.call("ZREMRANGEBYSCORE", KEYS[2], "-inf", now - ask.alive_for)
redis.call("PEXPIRE", KEYS[2], math.ceil(ask.alive_for / 1000))
local processes = redis.call("ZCARD", KEYS[2])

local pause, reopens = state.paused_until - now, state.reopens_at - now
return {processes, state.in_a_row, state.heard_at - now, pause, reopens, dues, waits}
"""
