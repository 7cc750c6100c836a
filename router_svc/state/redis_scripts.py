"""The Lua scripts of the Redis store: each is one atomic step of the log or of a lease."""

from __future__ import annotations

__all__ = ["ACQUIRE", "APPEND", "CREATE", "PURGE", "RELEASE", "RENEW"]

CREATE = """
local chain, lease, unfinished = KEYS[1], KEYS[2], KEYS[3]
if redis.call('EXISTS', chain) == 1 then return 0 end
redis.call('HSET', chain, 'start', ARGV[3], 'created_at', ARGV[4], 'deadline_at', ARGV[5],
  'traceparent', ARGV[6], 'bundle_hash', ARGV[7], 'last', 0, 'finished', 0, 'epoch', 1)
redis.call('SET', lease, ARGV[2], 'PX', ARGV[8])
redis.call('SADD', unfinished, ARGV[1])
return 1
"""

# The log's entry ids are its sequence numbers, so a gap or a repeat cannot be written.
APPEND = """
local chain, log, lease, unfinished, finished = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local state = redis.call('HMGET', chain, 'epoch', 'last', 'finished')
if state[1] ~= ARGV[2] or state[3] ~= '0' then return 0 end
local last = tonumber(state[2])
if last ~= tonumber(ARGV[3]) - 1 then return 0 end
for i = 6, #ARGV do
  last = last + 1
  redis.call('XADD', log, string.format('%d-0', last), 'body', ARGV[i])
end
redis.call('HSET', chain, 'last', last, 'finished', ARGV[4])
if ARGV[4] == '1' then
  redis.call('DEL', lease)
  redis.call('SREM', unfinished, ARGV[1])
  redis.call('ZADD', finished, ARGV[5], ARGV[1])
end
return 1
"""

ACQUIRE = """
local chain, lease = KEYS[1], KEYS[2]
if redis.call('HGET', chain, 'finished') ~= '0' then return 0 end
if not redis.call('SET', lease, ARGV[1], 'PX', ARGV[2], 'NX') then return 0 end
return redis.call('HINCRBY', chain, 'epoch', 1)
"""

RENEW = """
local chain, lease = KEYS[1], KEYS[2]
local state = redis.call('HMGET', chain, 'epoch', 'finished')
if state[1] ~= ARGV[1] then return 0 end
if state[2] == '0' then redis.call('SET', lease, ARGV[2], 'PX', ARGV[3]) end
return 1
"""

RELEASE = """
if redis.call('HGET', KEYS[1], 'epoch') == ARGV[1] then redis.call('DEL', KEYS[2]) end
return 1
"""

PURGE = """
redis.call('DEL', KEYS[1], KEYS[2], KEYS[3])
return redis.call('ZREM', KEYS[4], ARGV[1])
"""
