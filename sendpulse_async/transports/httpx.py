"""The default transport: the httpx stack without its pool, or a client of the caller's own."""

from __future__ import annotations

import ssl
from functools import partial
from typing import Any, Self

from .._errors import ConfigurationError
from .._http import Request, Response, Transport
from ._carrier import ConnectionCarrier
from ._client import ClientCarrier
from ._connections import MockableConnection
from ._logs import install_filter, sending
from ._settings import OWN_CONNECTIONS, Timeouts, checked_limit, checked_tls

_CLIENT_CONNECTIONS = 20


class HttpxTransport:
    """Carries requests over HTTP/1.1, on asyncio and on trio.

    Without a client it opens connections of its own: no proxies, none from the environment either, no redirects, no
    cookies. respx in its default mode mocks them as it mocks httpx.

    A client brings its own proxies, TLS and mocks. It is never closed here. It must not repeat requests by itself
    (`retries=` on its transport covers connections alone and is harmless): that would void "at most once". Its pool
    reads out of our sight, too: should a server send two answers to one request, the next event gets the second.

    Args:
        client: An `httpx.AsyncClient` or an `httpx2.AsyncClient`.
        max_connections: Requests at a time; 100, with a client 20.
        connect_timeout: Seconds for a connection with its TLS handshake; None: the event's deadline alone.
        read_timeout: Seconds for each single read and write; None: the event's deadline alone.
        ssl_context: Instead of one with certifi's authorities. A client has its own.

    Raises:
        ConfigurationError: A setting is out of its range.
    """

    def __init__(
        self,
        client: Any = None,
        *,
        max_connections: int | None = None,
        connect_timeout: float | None = 10.0,
        read_timeout: float | None = 30.0,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        limit = checked_limit(max_connections, OWN_CONNECTIONS if client is None else _CLIENT_CONNECTIONS)
        timeouts = Timeouts(connect_timeout, read_timeout)
        make_tls = checked_tls(ssl_context)
        self._carrier: Transport
        if client is None:
            self._carrier = ConnectionCarrier(limit, partial(MockableConnection, timeouts), make_tls)
        elif ssl_context is not None:
            raise ConfigurationError("ssl_context: give it to the client, which has its own")
        elif isinstance(client, type) or not all(hasattr(client, verb) for verb in ("build_request", "aclose")):
            raise ConfigurationError("client must be an httpx.AsyncClient or an httpx2.AsyncClient")
        else:
            self._carrier = ClientCarrier(client, limit, timeouts)
        install_filter()

    async def send(self, request: Request) -> Response:
        """Make one exchange, as `Transport.send` promises."""
        with sending(request):
            return await self._carrier.send(request)

    async def aclose(self) -> None:
        """Close what this transport opened; a client given to it stays open."""
        await self._carrier.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()
