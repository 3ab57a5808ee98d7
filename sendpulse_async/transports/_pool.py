"""Single connections in a last-in-first-out list: O(1), and a cancelled request costs no place."""

from __future__ import annotations

import ssl
import time
from collections import deque
from collections.abc import Callable

import anyio
import attrs
import httpcore

from .._http import Origin, Target
from ._http11 import Http11, Timeouts

IDLE_EXPIRY = 3.0
"""Seconds; a connection that was idle for longer may be closed by the server while the next request is on its way,
which cannot be told from a processed request."""


class _NoLock:
    """In the place of a lock of httpcore's, which costs a turn of the event loop where nobody else can come."""

    async def __aenter__(self) -> None:
        pass

    async def __aexit__(self, *_: object) -> None:
        pass


class Connection(httpcore.AsyncHTTPConnection):
    """One connection for one request at a time.

    It is httpcore's so that respx, which patches that class, finds it; what is below it is ours.
    """

    def __init__(self, target: Target, tls: ssl.SSLContext | None, timeouts: Timeouts) -> None:
        origin = httpcore.Origin(target.scheme.encode(), target.host.encode(), target.port)
        super().__init__(origin, ssl_context=tls)
        self.origin = target.origin
        self.idle_since = 0.0
        self._connection = self._http11 = Http11(target, tls, timeouts)
        self._request_lock = _NoLock()  # type: ignore[assignment] # it has the lock's two verbs
        self._target = target
        self._url = _url(target)

    def url(self, target: Target) -> httpcore.URL:
        """Return the URL of a target of this connection's origin, in httpcore's terms."""
        if target.path != self._target.path:
            self._target, self._url = target, _url(target)
        return self._url

    def make_ready(self) -> bool:
        """Prepare for another request, and tell whether one may follow."""
        return self._http11.make_ready()

    @property
    def is_alive(self) -> bool:
        """Whether nothing came while the connection was idle."""
        return self._http11.is_alive

    async def aclose(self) -> None:
        """Close at once, whoever cancels."""
        await self._http11.aclose()


def _url(target: Target) -> httpcore.URL:
    scheme, host, path = target.scheme.encode(), target.host.encode(), target.path.encode()
    return httpcore.URL(scheme=scheme, host=host, port=target.port, target=path)


@attrs.define(eq=False)
class ConnectionPool:
    """The connections of one event loop.

    Args:
        max_connections: Requests at a time, each on a connection of its own.
        timeouts: Of each connection.
        clock: Seconds, monotonic.
    """

    max_connections: int
    timeouts: Timeouts
    clock: Callable[[], float] = time.monotonic
    is_closed: bool = False
    _idle: dict[Origin, deque[Connection]] = attrs.field(factory=dict, init=False)
    _places: anyio.Semaphore = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._places = anyio.Semaphore(self.max_connections, fast_acquire=True)

    async def acquire(self, target: Target, tls: ssl.SSLContext | None) -> Connection:
        """Wait for a place, in order, and return an idle connection to the target, or one that will connect."""
        try:
            self._places.acquire_nowait()
        except anyio.WouldBlock:
            await self._places.acquire()
        try:
            return await self._reused(target.origin) or Connection(target, tls, self.timeouts)
        except BaseException:
            self._places.release()
            raise

    async def release(self, connection: Connection, *, is_reusable: bool) -> None:
        """Give the place back, and keep the connection if it may serve again."""
        try:
            if is_reusable and not self.is_closed:
                connection.idle_since = self.clock()
                self._idle.setdefault(connection.origin, deque()).append(connection)
                await self._drop_expired()
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
        idle = self._idle.get(origin, ())
        while idle:
            connection = idle.pop()
            if connection.is_alive and connection.idle_since >= self.clock() - IDLE_EXPIRY:
                return connection
            await connection.aclose()
        return None

    async def _drop_expired(self) -> None:
        """Close what lies at the old ends of the lists."""
        oldest = self.clock() - IDLE_EXPIRY
        for idle in self._idle.values():
            while idle and idle[0].idle_since < oldest:
                await idle.popleft().aclose()
