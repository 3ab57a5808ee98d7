"""Single connections in a last-in-first-out list: O(1), and a cancelled request costs no place."""

from __future__ import annotations

import ssl
import time
from collections import deque
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

import anyio
import attrs

from .._http import Origin, Request, Response, Target

IDLE_EXPIRY = 3.0
"""Seconds; a connection that was idle for longer may be closed by the server while the next request is on its way,
which cannot be told from a processed request."""


class Connection(Protocol):
    """One connection for one request at a time, opened by the first.

    Attributes:
        idle_since: In the pool's clock.
    """

    idle_since: float

    @property
    def origin(self) -> Origin:
        """Where it leads."""
        ...

    async def exchange(self, request: Request) -> Response:
        """Make one exchange, as `Transport.send` promises; whoever gets an error from it throws the connection away."""
        ...

    def make_ready(self) -> bool:
        """Prepare for another request, and tell whether one may follow."""
        ...

    @property
    def is_alive(self) -> bool:
        """Whether nothing came while the connection was idle."""
        ...

    async def aclose(self) -> None:
        """Close at once, whoever cancels."""
        ...


C = TypeVar("C", bound=Connection)


@attrs.define(eq=False)
class ConnectionPool(Generic[C]):
    """The connections of one event loop.

    Args:
        max_connections: Requests at a time, each on a connection of its own.
        make: Returns a connection that its first request will open.
        clock: Seconds, monotonic.
    """

    max_connections: int
    make: Callable[[Target, ssl.SSLContext | None], C]
    clock: Callable[[], float] = time.monotonic
    is_closed: bool = False
    _idle: dict[Origin, deque[C]] = attrs.field(factory=dict, init=False)
    _places: anyio.Semaphore = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._places = anyio.Semaphore(self.max_connections, fast_acquire=True)

    async def acquire(self, target: Target, tls: ssl.SSLContext | None) -> C:
        """Wait for a place, in order, and return an idle connection to the target, or one that will connect."""
        try:
            self._places.acquire_nowait()
        except anyio.WouldBlock:
            await self._places.acquire()
        try:
            idle = self._idle.get(target.origin, ())
            while idle:
                connection = idle.pop()
                if connection.is_alive and connection.idle_since >= self.clock() - IDLE_EXPIRY:
                    return connection
                await connection.aclose()
            return self.make(target, tls)
        except BaseException:
            self._places.release()
            raise

    async def release(self, connection: C, *, is_reusable: bool) -> None:
        """Give the place back, and keep the connection if it may serve again."""
        try:
            if is_reusable and not self.is_closed:
                connection.idle_since = now = self.clock()
                self._idle.setdefault(connection.origin, deque()).append(connection)
                for idle in self._idle.values():
                    while idle and idle[0].idle_since < now - IDLE_EXPIRY:
                        await idle.popleft().aclose()
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
