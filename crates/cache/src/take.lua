-- Takes calls out of a bucket; the same arithmetic as rate.rs, by the server's clock, so that nodes need not agree on the time.
-- KEYS[1]: the bucket. ARGV: calls a second, calls at once, calls wanted. Answers: calls granted, what is used.
local rate, burst, wanted = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local used, at = 0, now
local kept = redis.call('GET', KEYS[1])
if kept then
  local kept_used, kept_at = string.match(kept, '^(%d+) (%d+)$')
  -- A clock that went back, as after a failover to another machine, gives nothing back for that time.
  if kept_used then used, at = tonumber(kept_used), math.min(now, tonumber(kept_at)) end
end
used = math.max(0, used - (now - at) * rate)
local granted = math.min(wanted, math.floor(math.max(0, burst * 1000000 - used) / 1000000))
used = used + granted * 1000000
if granted > 0 then
  -- A bucket that is full again is forgotten.
  redis.call('SET', KEYS[1], string.format('%.0f %.0f', used, now), 'PX', math.ceil(used / rate / 1000) + 1)
end
return { granted, used }
