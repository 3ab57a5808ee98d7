"""Single httpcore connections in a last-in-first-out list: O(1), and a cancelled request costs no place."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from ssl import SSLContext

import anyio
import attrs
import httpcore

from .._http import Origin, Target
from .._loops import is_asyncio
from ._sockets import NetworkStream, SocketBackend

IDLE_EXPIRY = 3.0
"""Seconds; a connection that was idle for longer may be closed by the server while the next request is on its way,
which cannot be told from a processed request."""


class Connection:
    """One connection for one request at a time."""

    def __init__(self, target: Target, ssl_context: SSLContext | None) -> None:
        self._backend = SocketBackend() if is_asyncio() else None
        self.origin = target.origin
        self.http = httpcore.AsyncHTTPConnection(
            httpcore.Origin(target.scheme.encode(), target.host.encode(), target.port),
            ssl_context=ssl_context,
            network_backend=self._backend,
        )
        self.idle_since = 0.0

    @property
    def is_watched(self) -> bool:
        """Whether `stream` will tell which bytes left."""
        return self._backend is not None

    @property
    def stream(self) -> NetworkStream | None:
        """The stream that watches its own writes; None before it stands, and on trio."""
        return None if self._backend is None else self._backend.stream

    @property
    def is_reusable(self) -> bool:
        """Whether another request may follow: idle, nothing unread, not closed by the server."""
        return self.http.is_idle() and not self.http.has_expired() and not self._has_surplus()

    def _has_surplus(self) -> bool:
        # Bytes after an answer would be read as the answer to the next event. httpcore keeps them in its parser and
        # tells nobody; without this look it hands them on.
        parser = self.http._connection._h11_state  # type: ignore[union-attr] # noqa: SLF001 - see above
        return bool(parser.trailing_data[0])

    async def aclose(self) -> None:
        """Close at once, whoever cancels."""
        if self.http.is_closed():
            return
        with anyio.CancelScope(shield=True), anyio.move_on_after(1):
            await self.http.aclose()


@attrs.define(eq=False)
class ConnectionPool:
    """The connections of one event loop.

    Args:
        max_connections: Requests at a time, each on a connection of its own.
        clock: Seconds, monotonic.
    """

    max_connections: int
    clock: Callable[[], float] = time.monotonic
    is_closed: bool = False
    _idle: dict[Origin, deque[Connection]] = attrs.field(factory=dict, init=False)
    _places: anyio.Semaphore = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._places = anyio.Semaphore(self.max_connections, fast_acquire=True)

    async def acquire(self, target: Target, ssl_context: SSLContext | None) -> Connection:
        """Wait for a place, in order, and return an idle connection to the target, or one that will connect."""
        await self._places.acquire()
        try:
            return await self._reused(target.origin) or Connection(target, ssl_context)
        except BaseException:
            self._places.release()
            raise

    async def release(self, connection: Connection, *, is_reusable: bool) -> None:
        """Give the place back, and keep the connection if it may serve again."""
        try:
            if is_reusable and not self.is_closed:
                connection.idle_since = self.clock()
                self._idle[connection.origin].append(connection)
            else:
                await connection.aclose()
        finally:
            self._places.release()

    async def aclose(self) -> None:
        """Close the idle connections; those in use close when they are released."""
        self.is_closed = True
        for idle in self._idle.values():
            while idle:
                await idle.pop().aclose()

    async def _reused(self, origin: Origin) -> Connection | None:
        await self._drop_expired()
        idle = self._idle.setdefault(origin, deque())
        while idle:
            connection = idle.pop()
            if connection.is_reusable:
                return connection
            await connection.aclose()
        return None

    async def _drop_expired(self) -> None:
        oldest = self.clock() - IDLE_EXPIRY
        for idle in self._idle.values():
            while idle and idle[0].idle_since < oldest:
                await idle.popleft().aclose()
