"""Sends over single httpcore connections of our own: the stack below httpx, which respx mocks, without its pool."""

from __future__ import annotations

import ssl
from collections.abc import Callable

import anyio
import anyio.to_thread
import httpcore

from .._http import Request, Response
from .._loops import PerLoop
from ._bodies import OneShotBody, read_answer
from ._failures import exchange_errors, translate
from ._pool import Connection, ConnectionPool


class ConnectionCarrier:
    """A transport over connections that it opens, keeps and closes.

    Args:
        max_connections: Requests at a time, each on a connection of its own.
        timeouts: Seconds, by httpcore's names.
        make_tls: Returns the TLS context; called once, in a worker thread, since reading certificates takes a while.
    """

    def __init__(
        self, max_connections: int, timeouts: dict[str, float | None], make_tls: Callable[[], ssl.SSLContext]
    ) -> None:
        self._timeouts = timeouts
        self._make_tls = make_tls
        self._tls: ssl.SSLContext | None = None
        self._tls_locks = PerLoop(anyio.Lock)
        self.pools = PerLoop(lambda: ConnectionPool(max_connections))

    async def send(self, request: Request) -> Response:
        """Make one exchange, as `Transport.send` promises."""
        tls = await self._tls_context() if request.target.scheme == "https" else None
        pool = self.pools.get()
        connection = await pool.acquire(request.target, tls)
        is_done = False
        try:
            response = await self._exchange(connection, request)
            is_done = True
        except exchange_errors() as error:
            raise translate(error) from None
        finally:
            await pool.release(connection, is_reusable=is_done and connection.is_reusable)
        return response

    async def aclose(self) -> None:
        """Close the idle connections of this event loop."""
        if (pool := self.pools.peek()) is not None:
            await pool.aclose()

    async def _exchange(self, connection: Connection, request: Request) -> Response:
        body = OneShotBody(request, is_split=not connection.is_watched)
        if connection.stream is not None:
            connection.stream.begin_request()
        try:
            answer = await connection.http.handle_async_request(self._prebuilt(request, body))
            try:
                return await read_answer(request, answer.status, tuple(answer.headers), answer.aiter_stream())
            finally:
                await answer.aclose()
        finally:
            # Where the socket was watched, it knows better than the body, which can only tell what was asked for.
            if connection.stream is not None and connection.stream.has_begun:
                request.progress.is_handed_over = connection.stream.is_handed_over

    def _prebuilt(self, request: Request, body: OneShotBody) -> httpcore.Request:
        target = request.target
        url = httpcore.URL(
            scheme=target.scheme.encode(), host=target.host.encode(), port=target.port, target=target.path.encode()
        )
        extensions = {"timeout": self._timeouts, **body.extensions}
        return httpcore.Request("POST", url, headers=request.headers, content=body, extensions=extensions)

    async def _tls_context(self) -> ssl.SSLContext:
        if self._tls is None:
            async with self._tls_locks.get():
                if self._tls is None:
                    self._tls = await anyio.to_thread.run_sync(self._make_tls)
        return self._tls
