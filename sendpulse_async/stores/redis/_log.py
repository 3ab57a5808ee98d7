"""The delivery log: what processes on many machines know of the events that any of them sent."""

from __future__ import annotations

import asyncio
import secrets
import time
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import attrs
from redis.asyncio import Redis  # pip install 'sendpulse-async[redis]'
from redis.exceptions import RedisError

from ..._arguments import check_seconds
from ..._errors import ConfigurationError, JournalError
from ..._journal import INVALID, ClaimedError, Entry, EntryState, Identity, OtherEventError, RepeatedEventError
from ..._loops import is_asyncio
from ..._outcomes import Outcome

T = TypeVar("T")

DAY = 86_400.0
"""Seconds."""
_FIELDS = ("state", "holder", "digest", "position", "attempts", "status_code", "reason", "kept")

# An event that surely was not taken is anybody's, and so is the place of one that was wrong by itself. One in doubt is
# for who saw it so, and decided to send it again. A claim that stands there already is this very one, whose answer was
# lost. What came of an event is for its claim's holder to say; but that it was accepted is true whoever says so.
_PUT = """
local kept_for, seen_state, seen_holder = ARGV[1], ARGV[2], ARGV[3]
local new_state, new_holder = ARGV[5], ARGV[7]
local state, holder, digest = unpack(redis.call('HMGET', KEYS[1], 'state', 'holder', 'digest'))
local is_free = not state or state == 'not_sent' or state == 'refused' or string.sub(digest, 1, 1) == '!'
local is_as_seen = state == seen_state and holder == seen_holder
if not (is_free or is_as_seen or holder == new_holder or new_state == 'accepted') then return 0 end
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], unpack(ARGV, 4))
redis.call('PEXPIRE', KEYS[1], kept_for)
return 1
"""


class RedisDeliveryLog:
    """A log of deliveries in Redis: what a `Journal` is for one process, this is for many.

    Just before an event's first byte its claim is in Redis, which only one process can have, and after it the outcome.
    Whatever ends a process, and whoever is given the event next, knows what may have been sent. It holds no payloads
    and no addresses. Give it to `send_many(journal=…)`, `send_batches` or an `EventQueue`.

    It is as durable as its Redis: run that with `appendonly yes`, `appendfsync always` and `maxmemory-policy
    noeviction`, on one primary. An event whose claim Redis forgets may be sent again.

    Args:
        client: A `redis.asyncio.Redis`, which stays the caller's to close; used in one event loop. asyncio only.
        name: Of the list, or the stream of events: the same event under another name is another one.
        retention: Seconds for which an outcome is kept; longer than anybody may repeat an event.
        patience: Seconds for one question to Redis.

    Raises:
        ConfigurationError: An argument is wrong.
    """

    def __init__(
        self, client: Redis, *, name: str = "default", retention: float = 7 * DAY, patience: float = 5.0
    ) -> None:
        if not isinstance(client, Redis):
            raise ConfigurationError(f"client must be a redis.asyncio.Redis, not {type(client).__name__}")
        if not isinstance(name, str) or not name:
            raise ConfigurationError("name must be a string, and not empty")
        check_seconds("retention", retention)
        check_seconds("patience", patience)
        self._client = client
        self._name = name
        self._kept = max(1, round(retention * 1000))
        self._patience = patience
        self._put = client.register_script(_PUT)

    def __repr__(self) -> str:
        return f"RedisDeliveryLog(name={self._name!r})"

    @asynccontextmanager
    async def run(self) -> AsyncIterator[RedisRunLog]:
        """Begin a run, in which each event comes once.

        Raises:
            ConfigurationError: The event loop is not asyncio's.
        """
        if not is_asyncio():
            raise ConfigurationError("RedisDeliveryLog needs asyncio, as its client does")
        yield RedisRunLog(self)

    async def look_up(self, identity: Identity) -> tuple[Entry, str] | None:
        """Return what is kept of an event, with its digest.

        Raises:
            JournalError: Redis cannot be asked.
        """
        pipeline = self._client.pipeline(transaction=False)
        pipeline.hmget(self._key(identity), _FIELDS)
        pipeline.pttl(self._key(identity))
        fields, left = await self._asked(pipeline.execute())
        try:
            return None if fields[0] is None else _read(fields, left)
        except (TypeError, ValueError):
            raise JournalError(f"{self!r}: a key of it holds something else; give the log a name of its own") from None

    async def put(self, identity: Identity, entry: Entry, found: Entry | None = None) -> bool:
        """Put an entry in the place of what was found; tell whether it stands there.

        Raises:
            JournalError: Redis cannot be asked.
        """
        seen = ("", "") if found is None else (found.state.value, found.holder)
        fields = _written(identity, entry, self._kept)
        return bool(await self._asked(self._put(keys=[self._key(identity)], args=[self._kept, *seen, *fields])))

    def _key(self, identity: Identity) -> str:
        return f"sendpulse:log:{self._name}:{urlsafe_b64encode(identity.key).decode().rstrip('=')}"

    async def _asked(self, asked: Awaitable[T]) -> T:
        try:
            async with asyncio.timeout(self._patience):
                return await asked
        except (RedisError, OSError) as fault:  # a TimeoutError is an OSError
            text = (
                f"the delivery log in Redis cannot be used ({type(fault).__name__}); what it knows is kept: run again"
            )
            raise JournalError(text) from None


@attrs.define(eq=False)
class RedisRunLog:
    """A delivery log in the hands of one run."""

    log: RedisDeliveryLog
    _run: str = attrs.field(factory=lambda: secrets.token_hex(8), init=False)

    def is_new(self, identity: Identity) -> bool:  # noqa: ARG002 - see `RunLog`
        """Say no: of what other processes did only Redis knows."""
        return False

    async def find(self, identity: Identity) -> Entry | None:
        """Return what any process left of an event; see `RunLog`."""
        found = await self.log.look_up(identity)
        if found is None:
            return None
        entry, digest = found
        if digest != _digest(identity):
            if digest.startswith(INVALID.decode()):
                return None
            raise OtherEventError(
                f"{self.log!r}: event {identity.position + 1} of the input is not the one that the log knows; resume "
                "with the same input, settings and event, or give the log another name"
            )
        if identity.has_id and entry.holder.startswith(f"{self._run}."):
            raise RepeatedEventError
        return entry

    async def claim(self, identity: Identity, found: Entry | None = None) -> None:
        """Claim an event; see `RunLog`."""
        if await self.log.put(identity, self._mine(Entry(identity.position, EntryState.INTENT)), found):
            return
        if (entry := await self.find(identity)) is not None:
            raise ClaimedError(entry)
        raise JournalError(f"{self.log!r}: an entry is gone; Redis must not evict keys (maxmemory-policy noeviction)")

    async def settle(self, identity: Identity, outcome: Outcome) -> None:
        """Settle an event; see `RunLog`. Another process's claim stays as it is, unless the event was accepted."""
        await self.log.put(identity, self._mine(Entry.of(identity.position, outcome)))

    def _mine(self, entry: Entry) -> Entry:
        """Return an entry in the name of this run's event at that position, since two of them may have one id."""
        return attrs.evolve(entry, holder=f"{self._run}.{entry.position}")


def _digest(identity: Identity) -> str:
    """Return a digest as text, since a client may decode all that it reads; its mark stays legible."""
    return identity.digest[:1].decode() + identity.digest[1:].hex()


def _written(identity: Identity, entry: Entry, kept: int) -> list[str | int]:
    """Return an entry's fields as Redis keeps them, the state and its holder first."""
    fields: list[str | int] = ["state", entry.state.value, "holder", entry.holder, "digest", _digest(identity)]
    fields += ["position", entry.position, "attempts", entry.attempts, "reason", entry.reason, "kept", kept]
    return fields if entry.status_code is None else [*fields, "status_code", entry.status_code]


def _read(fields: list[Any], left: int) -> tuple[Entry, str]:
    """Return an entry and its digest; how long ago it was written, the time that it has left tells."""
    texts = [field.decode() if isinstance(field, bytes) else field for field in fields]
    state, holder, digest, position, attempts, status_code, reason, kept = texts
    written_at = time.time() - (int(kept) - left) / 1000
    code = None if status_code is None else int(status_code)
    return Entry(int(position), EntryState(state), int(attempts), code, reason, written_at, holder), digest
