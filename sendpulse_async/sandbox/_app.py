"""The web application: the front page, the doors and the test API behind one guard."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING, Final

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.responses import PlainTextResponse
from starlette.routing import Router

from ._api import EventsApi, FaultsApi
from ._doors import EventDoors, TokenDoor
from ._page import Page

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from ._state import State

_LOCAL: Final = r"(127(\.[0-9]{1,3}){3}|localhost|\[::1\])(:[0-9]+)?"
_HOST: Final = re.compile(_LOCAL, re.IGNORECASE)
_ORIGIN: Final = re.compile(rf"https?://{_LOCAL}", re.IGNORECASE)


class App:
    """The ASGI application of one sandbox."""

    def __init__(self, state: State) -> None:
        parts = (EventDoors(state), TokenDoor(state), EventsApi(state), FaultsApi(state), Page())
        routes = [route for part in parts for route in part.routes()]
        self._router = Router(routes, redirect_slashes=False)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if not _is_local(Headers(scope=scope)):
            await PlainTextResponse("The sandbox serves this machine alone\n", 403)(scope, receive, send)
            return
        # A client that left in the middle of its request gets no answer and no ledger entry.
        with contextlib.suppress(ClientDisconnect):
            await self._router(scope, receive, send)


def _is_local(headers: Headers) -> bool:
    # A web page elsewhere could reach this port through the reader's browser: by a name of its own that resolves to
    # 127.0.0.1 (the host tells), or by a plain cross-site request (the origin tells).
    origin = headers.get("origin")
    is_own_page = origin is None or _ORIGIN.fullmatch(origin) is not None
    return is_own_page and _HOST.fullmatch(headers.get("host", "")) is not None
