"""What arrived, under `/_sandbox/events` and `/_sandbox/refused`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import attrs
from starlette.responses import Response
from starlette.routing import Route

from .._ledger import MASK, MAX_ENTRIES, LedgerEntry
from ._json import refuse, show

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request

    from .._state import State

_DEFAULT_LIMIT: Final = 100


class EventsApi:
    """Lets a test in any language read the ledger."""

    def __init__(self, state: State) -> None:
        self._ledger = state.ledger

    def routes(self) -> list[Route]:
        """Return its routes."""
        return [
            Route("/_sandbox/events", self._events, methods=["GET"]),
            Route("/_sandbox/events", self._clear, methods=["DELETE"]),
            Route("/_sandbox/refused", self._refused, methods=["GET"]),
        ]

    async def _events(self, request: Request) -> Response:
        return _listing(request, "events", self._ledger.events, self._ledger.accepted_count)

    async def _refused(self, request: Request) -> Response:
        return _listing(request, "refused", self._ledger.refused, self._ledger.refused_count)

    async def _clear(self, _: Request) -> Response:
        self._ledger.clear()
        return Response(status_code=204)


def _listing(request: Request, name: str, entries: Sequence[LedgerEntry], total: int) -> Response:
    wanted = request.query_params
    limit = wanted.get("limit", str(_DEFAULT_LIMIT))
    if not limit.isascii() or not limit.isdigit() or not 1 <= int(limit[:9]) <= MAX_ENTRIES:
        return refuse(f"limit must be a whole number from 1 to {MAX_ENTRIES}")
    filters = {key: wanted[key] for key in ("event", "email", "phone") if key in wanted}
    found = [entry for entry in entries if all(getattr(entry, key) == text for key, text in filters.items())]
    return show({"total": total, name: [_show_entry(entry) for entry in found[-int(limit) :]]})


def _show_entry(entry: LedgerEntry) -> dict[str, Any]:
    shown = attrs.asdict(entry, recurse=False)
    shown["body"] = entry.body.decode(errors="replace")
    shown["headers"] = [(name, MASK if name == "authorization" else text) for name, text in entry.headers]
    return {**shown, "email": entry.email, "phone": entry.phone}
