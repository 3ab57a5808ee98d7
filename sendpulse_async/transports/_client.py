"""Sends through a client that a caller owns: httpx's or httpx2's, with its proxies, its TLS and its mocks."""

from __future__ import annotations

import sys
from typing import Any

import anyio

from .._http import RESPONSE_BODY_LIMIT, FailureKind, Headers, Origin, Request, Response, TransportError
from .._loops import PerLoop
from ._bodies import OneShotBody, read_answer
from ._failures import exchange_errors, translate
from ._settings import Timeouts


class ClientCarrier:
    """A transport over an injected client, which is never closed here.

    Args:
        client: An `httpx.AsyncClient` or `httpx2.AsyncClient`.
        max_in_flight: Requests at a time; the pool of these clients breaks down above some twenty.
        timeouts: Of each request.
    """

    def __init__(self, client: Any, max_in_flight: int, timeouts: Timeouts) -> None:
        self._client = client
        connect, read = timeouts.connect, timeouts.read
        self._timeouts = {"connect": connect, "read": read, "write": read, "pool": None}
        self._places = PerLoop(lambda: anyio.Semaphore(max_in_flight, fast_acquire=True))
        self._templates: dict[Origin, tuple[type[Any], Headers]] = {}

    async def send(self, request: Request) -> Response:
        """Make one exchange, as `Transport.send` promises; the body goes in two parts."""
        handled = sys.exception()
        async with self._places.get():
            if getattr(self._client, "is_closed", False):
                raise TransportError(FailureKind.CONNECT, "the client is closed")
            try:
                return await self._exchange(request)
            except exchange_errors() as error:
                if (answer := getattr(error, "response", None)) is not None:  # a hook of the client's raised for it
                    return Response(answer.status_code, tuple(answer.headers.raw), is_body_complete=False)
                raise translate(error, handled=handled) from None

    async def aclose(self) -> None:
        """Do nothing: who opened the client closes it."""

    async def _exchange(self, request: Request) -> Response:
        prebuilt = self._prebuilt(request, OneShotBody(request, is_split=True))
        answer = await self._client.send(prebuilt, stream=True, auth=None, follow_redirects=False)
        # Some stacks answer without asking for the body; nothing is proven then.
        request.progress.is_handed_over = True
        try:
            if answer.is_stream_consumed:  # a hook of the client's has read it
                return _read_already(answer)
            return await read_answer(request, answer.status_code, tuple(answer.headers.raw), answer.aiter_raw())
        finally:
            with anyio.CancelScope(shield=True), anyio.move_on_after(1):
                await answer.aclose()

    def _prebuilt(self, request: Request, body: OneShotBody) -> Any:
        kind, defaults = self._template(request)
        extensions = {"timeout": self._timeouts, **body.extensions}
        headers = [*defaults, *request.headers]
        return kind("POST", request.target.url, headers=headers, content=body, extensions=extensions)

    def _template(self, request: Request) -> tuple[type[Any], Headers]:
        """Return the client's class of requests, and what it adds to each, asked for once an origin."""
        if (found := self._templates.get(request.target.origin)) is None:
            template = self._client.build_request("POST", request.target.url)
            ours = {name.lower() for name, _ in request.headers} | {b"authorization"}
            defaults = tuple((name, value) for name, value in template.headers.raw if name.lower() not in ours)
            found = self._templates[request.target.origin] = type(template), defaults
        return found


def _read_already(answer: Any) -> Response:
    """Return an answer that was read, and so decoded; one that was only looked through raises, as nothing is known."""
    headers = tuple((name, value) for name, value in answer.headers.raw if name.lower() != b"content-encoding")
    body = answer.content
    return Response(answer.status_code, headers, body[:RESPONSE_BODY_LIMIT], len(body) <= RESPONSE_BODY_LIMIT)
