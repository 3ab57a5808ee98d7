"""What arrived, under `/_sandbox/events`, `/_sandbox/refused` and `/_sandbox/requests`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import Response
from starlette.routing import Route

from ._entries import show_entry, sift, summarize
from ._export import ExportApi
from ._json import HEADERS, refuse, show
from ._params import read_choice, read_limit, read_query, read_sequence
from ._replay import ReplayApi
from ._requests import RequestsApi
from ._stats import Stats, StatsApi
from ._stream import StreamApi
from ._wait import WaitApi

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from starlette.datastructures import QueryParams
    from starlette.requests import Request

    from .._ledger import LedgerEntry
    from .._state import State


class EventsApi:
    """Lets a test in any language, and a page, read the ledger."""

    def __init__(self, state: State) -> None:
        self._ledger = state.ledger
        stats = Stats(state)
        self._parts = (
            RequestsApi(state),
            StatsApi(stats),
            StreamApi(state, stats),
            WaitApi(state),
            ExportApi(state),
            ReplayApi(state),
        )

    def routes(self) -> list[Route]:
        """Return its routes, and those of all that reads the ledger."""
        return [
            Route("/_sandbox/events", self._events, methods=["GET"]),
            Route("/_sandbox/events", self._clear, methods=["DELETE"]),
            Route("/_sandbox/refused", self._refused, methods=["GET"]),
            Route("/_sandbox/requests", self._requests, methods=["GET"]),
            *(route for part in self._parts for route in part.routes()),
        ]

    async def _events(self, request: Request) -> Response:
        return await _listing(request, "events", self._ledger.events, self._ledger.accepted_count)

    async def _refused(self, request: Request) -> Response:
        return await _listing(request, "refused", self._ledger.refused, self._ledger.refused_count)

    async def _requests(self, request: Request) -> Response:
        total = self._ledger.accepted_count + self._ledger.refused_count
        return await _listing(request, "requests", self._ledger.requests, total)

    async def _clear(self, _: Request) -> Response:
        self._ledger.clear()
        return Response(status_code=204, headers=HEADERS)


async def _listing(request: Request, name: str, entries: Sequence[LedgerEntry], total: int) -> Response:
    params = request.query_params
    try:
        limit = read_limit(params)
        after = read_sequence(params, "after")
        view = read_choice(params, "view", ("whole", "summary"))
        holds = _filter(params)
    except ValueError as error:
        return refuse(error)
    found = await sift(entries, holds)
    chosen = found[-limit:] if after is None else found[:limit]
    shown = [summarize(entry) if view == "summary" else show_entry(entry) for entry in chosen]
    return show({"total": total, "found": len(found), name: shown})


def _filter(params: QueryParams) -> Callable[[LedgerEntry], bool]:
    query = read_query(params)
    before, after = read_sequence(params, "before"), read_sequence(params, "after")
    fields = {key: params[key] for key in ("event", "email", "phone") if key in params}
    return lambda entry: (
        (before is None or entry.sequence < before)
        and (after is None or entry.sequence > after)
        and all(getattr(entry, key) == text for key, text in fields.items())
        and query.matches(entry)
    )
