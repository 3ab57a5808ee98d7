"""Sends over connections that are opened, kept and closed here."""

from __future__ import annotations

import ssl
import sys
from collections.abc import Callable

import anyio
import anyio.to_thread

from .._http import Request, Response, Target
from .._loops import PerLoop
from ._failures import exchange_errors, translate
from ._pool import Connection, ConnectionPool


class ConnectionCarrier:
    """A transport over connections that it opens, keeps and closes.

    Args:
        max_connections: Requests at a time, each on a connection of its own.
        make: Returns a connection that its first request will open.
        make_tls: Returns the TLS context; called once, in a worker thread, since reading certificates takes a while.
    """

    def __init__(
        self,
        max_connections: int,
        make: Callable[[Target, ssl.SSLContext | None], Connection],
        make_tls: Callable[[], ssl.SSLContext],
    ) -> None:
        self._make_tls = make_tls
        self._tls: ssl.SSLContext | None = None
        self._tls_locks = PerLoop(anyio.Lock)
        self._pools = PerLoop(lambda: ConnectionPool(max_connections, make))

    async def send(self, request: Request) -> Response:
        """Make one exchange, as `Transport.send` promises."""
        handled = sys.exception()
        tls = await self._tls_context() if request.target.scheme == "https" else None
        pool = self._pools.get()
        connection = await pool.acquire(request.target, tls)
        is_reusable = False
        try:
            response = await connection.exchange(request)
            is_reusable = connection.make_ready()
        except exchange_errors() as error:
            raise translate(error, handled=handled) from None
        finally:
            await pool.release(connection, is_reusable=is_reusable)
        return response

    async def aclose(self) -> None:
        """Close the idle connections of this event loop."""
        if (pool := self._pools.peek()) is not None:
            await pool.aclose()

    async def _tls_context(self) -> ssl.SSLContext:
        if self._tls is None:
            async with self._tls_locks.get():
                if self._tls is None:
                    self._tls = await anyio.to_thread.run_sync(self._make_tls)
        return self._tls
