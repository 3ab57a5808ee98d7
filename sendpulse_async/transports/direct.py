"""The transport for those who send much: asyncio alone, llhttp, and nothing between an event and its socket."""

from __future__ import annotations

import ssl
from functools import partial
from typing import Self

from .._errors import ConfigurationError
from .._http import Target
from .._loops import is_asyncio
from ._carrier import ConnectionCarrier
from ._llhttp import DirectConnection
from ._settings import OWN_CONNECTIONS, Timeouts, checked_limit, checked_tls


class DirectTransport(ConnectionCarrier):
    """Carries requests over HTTP/1.1 on asyncio, uvloop's event loop included.

    No proxies, no redirects, no cookies, nothing from the environment, and no mocks: test with the sandbox.

    Args:
        max_connections: Requests at a time; 100.
        connect_timeout: Seconds for a connection with its TLS handshake; None: the event's deadline alone.
        read_timeout: Seconds for each single read and write; None: the event's deadline alone.
        ssl_context: Instead of one with certifi's authorities.
        proxy: Refused; `HttpxTransport` takes a client with one.

    Raises:
        ConfigurationError: A setting is out of its range; from `send`: the event loop is trio's.
    """

    def __init__(
        self,
        *,
        max_connections: int | None = None,
        connect_timeout: float | None = 10.0,
        read_timeout: float | None = 30.0,
        ssl_context: ssl.SSLContext | None = None,
        proxy: object = None,
    ) -> None:
        if proxy is not None:
            raise ConfigurationError(
                "proxy: DirectTransport knows none; use HttpxTransport(httpx.AsyncClient(proxy=…)) instead"
            )
        limit = checked_limit(max_connections, OWN_CONNECTIONS)
        make = partial(_connection, Timeouts(connect_timeout, read_timeout))
        super().__init__(limit, make, checked_tls(ssl_context))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


def _connection(timeouts: Timeouts, target: Target, tls: ssl.SSLContext | None) -> DirectConnection:
    if not is_asyncio():
        raise ConfigurationError("transport: DirectTransport runs on asyncio alone; on trio use HttpxTransport")
    return DirectConnection(timeouts, target, tls)
