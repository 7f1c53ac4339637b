"""Locks of operations in Redis, by its clock, with the keys and values of ShedLock."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

import msgspec

from application.shared.clock import Clock
from application.shared.ids import Ids
from domain.operations.lock import Lock, LockTerm
from domain.operations.ports.locks import Locks
from domain.shared.ids import TenantId
from infrastructure.redis.client import Client, Script
from infrastructure.redis.keys import Keys
from infrastructure.redis.times import MICROSECOND, from_microseconds

_NOW: Final = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local function text(number) return string.format('%.0f', number) end
local function milliseconds(micros) return math.max(1, math.ceil(micros / 1000)) end
"""

# The holder stands at the end of the value. Who is another, or came too late, changes nothing.
_HELD: Final = """
local value = redis.call('GET', KEYS[1])
if not value or string.sub(value, -36) ~= ARGV[1] then return false end
local record = cjson.decode(redis.call('HGET', KEYS[2], ARGV[2]))
"""

# A token is the time, or one more than the last: it rises even when Redis has forgotten every lock there was.
_LOCK: Final = Script(
    _NOW
    + """
if not redis.call('SET', KEYS[1], ARGV[6], 'NX', 'PX', milliseconds(ARGV[3])) then return false end
local last = redis.call('HGET', KEYS[2], ARGV[2])
local token = now
if last then token = math.max(token, cjson.decode(last).token + 1) end
local record = {holder = ARGV[1], node = ARGV[5], token = text(token), at = text(now)}
record.atLeast, record['until'] = text(now + ARGV[4]), text(now + ARGV[3])
redis.call('HSET', KEYS[2], ARGV[2], cjson.encode(record))
return {text(now), text(token)}
"""
)
_EXTEND: Final = Script(
    _NOW
    + _HELD
    + """
redis.call('PEXPIRE', KEYS[1], milliseconds(ARGV[3]))
record.atLeast, record['until'] = text(now + ARGV[4]), text(now + ARGV[3])
redis.call('HSET', KEYS[2], ARGV[2], cjson.encode(record))
return text(now)
"""
)
_UNLOCK: Final = Script(
    _NOW
    + _HELD
    + """
local rest = record.atLeast - now
if rest <= 0 then return redis.call('DEL', KEYS[1]) end
record['until'] = record.atLeast
redis.call('HSET', KEYS[2], ARGV[2], cjson.encode(record))
return redis.call('PEXPIRE', KEYS[1], milliseconds(rest))
"""
)
_LIST: Final = Script("""
local held, all = {}, redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  if redis.call('EXISTS', ARGV[1] .. all[i]) == 1 then held[#held + 1] = {all[i], all[i + 1]} end
end
return held
""")


class _Record(msgspec.Struct, frozen=True, rename="camel"):
    """What the hash of holders has of a lock; microseconds since 1970, as text."""

    holder: UUID
    node: str
    token: str
    at: str
    at_least: str
    until: str


class RedisLocks(Locks):
    """The lock is a key that expires, with the holder in its value: `ADDED:<instant>@<node>:<holder>`.

    A Redis that loses its memory loses the locks in it: what two must never do at once also compares tokens.
    """

    def __init__(self, client: Client, keys: Keys, ids: Ids, clock: Clock, node: str) -> None:
        self._client = client
        self._keys = keys
        self._ids = ids
        self._clock = clock
        self._node = node

    async def lock(self, term: LockTerm) -> Lock | None:
        holder = self._ids.new()
        value = f"ADDED:{self._clock.now().isoformat(timespec='milliseconds')}@{self._node}:{holder}"
        times = [term.at_most // MICROSECOND, term.at_least // MICROSECOND]
        given: list[str | int] = [str(holder), term.name, *times, self._node, value]
        answer = await _LOCK.run(self._client, self._names(term.tenant, term.name), given)
        if answer is None:
            return None
        now, token = (int(each) for each in answer)
        return Lock.of(term, holder, self._node, token, from_microseconds(now))

    async def extend(self, lock: Lock, at_most: timedelta, at_least: timedelta = timedelta(0)) -> Lock | None:
        longer = lock.extended(at_most, at_least, lock.locked_at)  # refuses impossible times before anything is done
        times = [at_most // MICROSECOND, at_least // MICROSECOND]
        given: list[str | int] = [str(lock.holder), lock.name, *times]
        now = await _EXTEND.run(self._client, self._names(lock.tenant, lock.name), given)
        return None if now is None else longer.extended(at_most, at_least, from_microseconds(int(now)))

    async def unlock(self, lock: Lock) -> bool:
        given: list[str | int] = [str(lock.holder), lock.name]
        return bool(await _UNLOCK.run(self._client, self._names(lock.tenant, lock.name), given))

    async def held(self, tenant: TenantId) -> Sequence[Lock]:
        prefix = self._keys.lock(tenant, "")
        rows = await _LIST.run(self._client, [self._keys.lock_holders(tenant)], [prefix])
        return sorted((_lock(tenant, *row) for row in rows), key=lambda lock: lock.name)

    def _names(self, tenant: TenantId, name: str) -> list[str]:
        return [self._keys.lock(tenant, name), self._keys.lock_holders(tenant)]


def _lock(tenant: TenantId, name: bytes, text: bytes) -> Lock:
    record = msgspec.json.decode(text, type=_Record)
    return Lock(
        name=name.decode(),
        tenant=tenant,
        holder=record.holder,
        node=record.node,
        token=int(record.token),
        locked_at=from_microseconds(int(record.at)),
        at_least_until=from_microseconds(int(record.at_least)),
        until=from_microseconds(int(record.until)),
    )
