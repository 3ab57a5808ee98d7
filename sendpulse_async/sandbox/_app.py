"""The web application: the front page, the doors and the test API behind one guard."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.responses import PlainTextResponse
from starlette.routing import Route, Router

from ._api import (
    DocumentApi,
    EventsApi,
    ExportApi,
    FaultsApi,
    ReplayApi,
    RequestsApi,
    Stats,
    StatsApi,
    StreamApi,
    SwitchesApi,
    TokensApi,
    WaitApi,
)
from ._doors import EventDoors, TokenDoor
from ._guard import Guard, with_headers
from ._page import Page
from ._wire import refusal

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from ._state import State


class App:
    """The ASGI application of one sandbox.

    Args:
        state: What the sandbox knows.
        guard: Says which requests are served.
    """

    def __init__(self, state: State, guard: Guard) -> None:
        self._guard = guard
        stats = Stats(state)
        apis = (
            EventsApi(state),
            RequestsApi(state),
            WaitApi(state),
            StatsApi(stats),
            StreamApi(state, stats),
            ExportApi(state),
            ReplayApi(state),
            FaultsApi(state),
            SwitchesApi(state),
            TokensApi(state),
            DocumentApi(),
        )
        parts = (EventDoors(state), TokenDoor(state), *apis, Page())
        routes = [route for part in parts for route in part.routes()]
        self._router = Router([*routes, *_wrong_methods(routes)], redirect_slashes=False, default=_not_found)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        path: str = scope["path"]
        # The doors answer as SendPulse does, and add nothing.
        guarded = with_headers(send) if path == "/" or path.startswith("/_sandbox/") else send
        if not self._guard.admits(scope["method"], Headers(scope=scope)):
            text = "The sandbox serves neither other machines' names nor foreign web pages\n"
            await PlainTextResponse(text, 403)(scope, receive, guarded)
            return
        # A client that left in the middle of its request gets no answer and no ledger entry. Nobody cancels a request
        # but a server that ends, which has cut its connection before.
        with contextlib.suppress(ClientDisconnect, asyncio.CancelledError):
            await self._router(scope, receive, guarded)


class _WrongMethod:
    def __init__(self, allowed: set[str]) -> None:
        self._allow = ", ".join(sorted(allowed))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = refusal(405, 405, f"Only {self._allow} is allowed here").to_response()
        response.headers["allow"] = self._allow
        await response(scope, receive, send)


def _wrong_methods(routes: list[Route]) -> list[Route]:
    # Starlette's own answer names the methods of the first route of a path alone.
    allowed: dict[str, set[str]] = {}
    for route in routes:
        allowed.setdefault(route.path, set()).update(route.methods or ())
    return [Route(path, _WrongMethod(methods)) for path, methods in allowed.items()]


async def _not_found(scope: Scope, receive: Receive, send: Send) -> None:
    await refusal(404, 404, "There is nothing here").to_response()(scope, receive, send)
