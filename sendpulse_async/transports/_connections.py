"""Sends over connections of our own, which stand below httpcore's class, where respx mocks them."""

from __future__ import annotations

import ssl
import sys
from collections.abc import Callable
from functools import cached_property
from typing import Any

import anyio
import anyio.to_thread
import httpcore

from .._http import Request, Response
from .._loops import PerLoop
from ._bodies import OneShotBody, read_answer
from ._failures import exchange_errors, translate
from ._http11 import Timeouts
from ._pool import Connection, ConnectionPool


class _Asked:
    """Our request with the attributes of httpcore's; what a mock alone wants is made when it asks."""

    method = b"POST"

    def __init__(self, request: Request, url: httpcore.URL) -> None:
        self.url = url
        self.headers = request.headers
        self.extensions = {"event": request}

    @cached_property
    def stream(self) -> OneShotBody:
        return OneShotBody(self.extensions["event"], is_split=False)


class ConnectionCarrier:
    """A transport over connections that it opens, keeps and closes.

    Args:
        max_connections: Requests at a time, each on a connection of its own.
        timeouts: Of each connection.
        make_tls: Returns the TLS context; called once, in a worker thread, since reading certificates takes a while.
    """

    def __init__(self, max_connections: int, timeouts: Timeouts, make_tls: Callable[[], ssl.SSLContext]) -> None:
        self._make_tls = make_tls
        self._tls: ssl.SSLContext | None = None
        self._tls_locks = PerLoop(anyio.Lock)
        self._pools = PerLoop(lambda: ConnectionPool(max_connections, timeouts))

    async def send(self, request: Request) -> Response:
        """Make one exchange, as `Transport.send` promises."""
        handled = sys.exception()
        tls = await self._tls_context() if request.target.scheme == "https" else None
        pool = self._pools.get()
        connection = await pool.acquire(request.target, tls)
        is_reusable = False
        try:
            response = await self._exchange(connection, request)
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

    async def _exchange(self, connection: Connection, request: Request) -> Response:
        asked: Any = _Asked(request, connection.url(request.target))
        answer: Any = await connection.handle_async_request(asked)
        if isinstance(answer, Response):
            return answer
        try:
            return await read_answer(request, answer.status, tuple(answer.headers), answer.aiter_stream())
        finally:
            await answer.aclose()

    async def _tls_context(self) -> ssl.SSLContext:
        if self._tls is None:
            async with self._tls_locks.get():
                if self._tls is None:
                    self._tls = await anyio.to_thread.run_sync(self._make_tls)
        return self._tls
