"""What arrived, under `/_sandbox/events`, `/_sandbox/refused` and `/_sandbox/requests`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import Response
from starlette.routing import Route

from ._entries import Pause, show_entry, sift, summarize
from ._json import dump, refuse, show_text
from ._params import read_choice, read_limit, read_query, read_sequence

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

    def routes(self) -> list[Route]:
        """Return its routes."""
        return [
            Route("/_sandbox/events", self._events, methods=["GET"]),
            Route("/_sandbox/events", self._clear, methods=["DELETE"]),
            Route("/_sandbox/refused", self._refused, methods=["GET"]),
            Route("/_sandbox/requests", self._requests, methods=["GET"]),
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
        return Response(status_code=204)


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
    texts: list[str] = []
    pause = Pause()
    for entry in chosen:
        # One by one: what ten thousand of them say is too much to write at once.
        texts.append(dump(summarize(entry) if view == "summary" else show_entry(entry)))
        await pause.when_due()
    return show_text(f'{{"total": {total}, "found": {len(found)}, "{name}": [{", ".join(texts)}]}}')


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
