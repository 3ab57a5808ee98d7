"""The front page, for browsers and for terminals, and the files that it is made of."""

from __future__ import annotations

import hashlib
from html import escape
from importlib.resources import files
from string import Template
from typing import TYPE_CHECKING, Final

from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from ..._contract import NAMED_EVENT_PREFIX, TOKEN_PATH
from .._account import API_KEY, CLIENT_ID, CLIENT_SECRET, EVENT_PATH

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request

_FILES: Final = {"page.js": "text/javascript", "page.css": "text/css", "icon.svg": "image/svg+xml"}

# An event's text that got into the markup all the same could load nothing and run nothing. Trusted types close the
# ways by which a script makes markup of text: whoever writes `innerHTML` into the page sees it fail.
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)
_HEADERS: Final = {
    "content-security-policy": _POLICY,
    "cross-origin-opener-policy": "same-origin",
    # Asked again each time, so that a new version is never seen with an old script.
    "cache-control": "no-cache",
}
"""Those that the page needs otherwise than the test API; what both share is added to each answer."""


class Page:
    """Serves the page, and plain text to whoever does not ask for HTML."""

    def __init__(self) -> None:
        folder = files("sendpulse_async.sandbox._page")
        self._index = Template(folder.joinpath("index.html").read_text("utf-8"))
        self._files = {name: folder.joinpath(name).read_bytes() for name in _FILES}

    def routes(self) -> list[Route]:
        """Return its routes."""
        parts = [
            Route(f"/_sandbox/{name}", self._part(name), methods=["GET"], include_in_schema=False) for name in _FILES
        ]
        return [Route("/", self._front, methods=["GET"]), *parts]

    async def _front(self, request: Request) -> Response:
        addresses = _addresses(str(request.base_url).rstrip("/"))
        if "text/html" not in request.headers.get("accept", ""):
            return PlainTextResponse(
                _as_text(addresses), headers={"x-content-type-options": "nosniff", "vary": "accept"}
            )
        page = self._index.substitute({name: escape(text) for name, text in addresses.items()})
        return _send(request, page.encode(), "text/html")

    def _part(self, name: str) -> Callable[[Request], Awaitable[Response]]:
        async def serve(request: Request) -> Response:
            return _send(request, self._files[name], _FILES[name])

        return serve


def _send(request: Request, content: bytes, media_type: str) -> Response:
    tag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    headers = {**_HEADERS, "etag": tag, "vary": "accept"}
    if tag in request.headers.get("if-none-match", ""):
        return Response(None, 304, headers)
    return Response(content, 200, headers, f"{media_type}; charset=utf-8")


def _addresses(base: str) -> dict[str, str]:
    return {
        "base": base,
        "event_url": f"{base}{EVENT_PATH}",
        "named_url": f"{base}{NAMED_EVENT_PREFIX}",
        "token_url": f"{base}{TOKEN_PATH}",
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "api_key": API_KEY,
    }


def _as_text(addresses: dict[str, str]) -> str:
    return (
        "A local stand-in for SendPulse, by sendpulse_async. Nothing sent here reaches anybody.\n\n"
        "raw events     POST {event_url}\n"
        "events by name POST {named_url}any_name\n"
        "tokens         POST {token_url}\n"
        "               client_id {client_id}\n"
        "               client_secret {client_secret}\n\n"
        "what arrived   GET {base}/_sandbox/events, {base}/_sandbox/refused\n"
        "faults         GET, POST, DELETE {base}/_sandbox/faults\n"
        "the test API   GET {base}/_sandbox/openapi.json\n"
        "in a browser   {base}\n"
    ).format_map(addresses)
