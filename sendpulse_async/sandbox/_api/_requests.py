"""One request with all that can be said of it, and the requests that came more than once."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING

import attrs
from starlette.routing import Route

from .._ledger import findings_of, to_curl, to_python
from ._entries import show_entry
from ._json import not_found, refuse, show
from ._params import read_limit

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from .._state import State


class RequestsApi:
    """Shows single requests and duplicates."""

    def __init__(self, state: State) -> None:
        self._ledger = state.ledger

    def routes(self) -> list[Route]:
        """Return its routes."""
        return [
            Route("/_sandbox/requests/{sequence}", self._detail, methods=["GET"]),
            Route("/_sandbox/duplicates", self._duplicates, methods=["GET"]),
        ]

    async def _detail(self, request: Request) -> Response:
        text: str = request.path_params["sequence"]
        if not text.isascii() or not text.isdigit():
            return refuse("sequence must be a whole number")
        entry = self._ledger.get(int(text[:18]))
        if entry is None:
            return not_found(f"request {text[:18]} is not kept")
        return show(
            {
                **show_entry(entry),
                "findings": [attrs.asdict(finding) for finding in findings_of(entry)],
                "curl": to_curl(entry),
                "python": to_python(entry),
                "same": self._ledger.same_as(entry),
                "body_base64": b64encode(entry.body).decode(),
            }
        )

    async def _duplicates(self, request: Request) -> Response:
        try:
            limit = read_limit(request.query_params)
        except ValueError as error:
            return refuse(error)
        groups = [
            {
                "count": len(group),
                "event": group[0].event,
                "email": group[0].email,
                "phone": group[0].phone,
                "sequences": [entry.sequence for entry in group],
            }
            for group in self._ledger.duplicates()[:limit]
        ]
        return show({"groups": groups})
