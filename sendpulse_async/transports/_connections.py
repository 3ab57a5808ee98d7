"""Connections of our own that stand below httpcore's class, where respx mocks them."""

from __future__ import annotations

import ssl
from functools import cached_property
from typing import Any

import httpcore

from .._http import Request, Response, Target
from ._bodies import OneShotBody, read_answer
from ._http11 import Http11
from ._settings import Timeouts


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


class _NoLock:
    """In the place of a lock of httpcore's, which costs a turn of the event loop where nobody else can come."""

    async def __aenter__(self) -> None:
        pass

    async def __aexit__(self, *_: object) -> None:
        pass


class MockableConnection(httpcore.AsyncHTTPConnection):
    """One connection for one request at a time.

    It is httpcore's so that respx, which patches that class, finds it; what is below it is ours.
    """

    def __init__(self, timeouts: Timeouts, target: Target, tls: ssl.SSLContext | None) -> None:
        origin = httpcore.Origin(target.scheme.encode(), target.host.encode(), target.port)
        super().__init__(origin, ssl_context=tls)
        self.origin = target.origin
        self.idle_since = 0.0
        self._connection = self._http11 = Http11(target, tls, timeouts)
        self._request_lock = _NoLock()  # type: ignore[assignment] # it has the lock's two verbs
        self._target = target
        self._url = _url(target)

    async def exchange(self, request: Request) -> Response:
        """Make one exchange; a mock's answer is read as httpcore's would be."""
        asked: Any = _Asked(request, self._url_of(request.target))
        answer: Any = await self.handle_async_request(asked)
        if isinstance(answer, Response):
            return answer
        try:
            return await read_answer(request, answer.status, tuple(answer.headers), answer.aiter_stream())
        finally:
            await answer.aclose()

    def _url_of(self, target: Target) -> httpcore.URL:
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
