"""A wait for events, under `/_sandbox/wait`."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from starlette.routing import Route

from ._entries import show_entry, sift
from ._json import refuse, show
from ._params import read_query, read_seconds, read_sequence, read_whole
from ._waking import Waker

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from .._ledger import Query
    from .._state import State

_MAX_COUNT = 10_000
_MAX_SECONDS = 60.0


class WaitApi:
    """Answers as soon as enough events are there."""

    def __init__(self, state: State) -> None:
        self._state = state

    def routes(self) -> list[Route]:
        """Return its route."""
        return [Route("/_sandbox/wait", self._wait, methods=["GET"])]

    async def _wait(self, request: Request) -> Response:
        params = request.query_params
        try:
            query = read_query(params)
            count = read_whole(params, "count", 1, _MAX_COUNT, 1)
            seconds = read_seconds(params, "timeout", _MAX_SECONDS, 5.0)
            after = read_sequence(params, "after") or 0
        except ValueError as error:
            return refuse(error)
        waiting = asyncio.ensure_future(self._find(query, count, seconds, after))
        leaving = asyncio.ensure_future(_client_leaves(request))
        try:
            await asyncio.wait((waiting, leaving), return_when=asyncio.FIRST_COMPLETED)
            # Whoever left reads no answer.
            found = waiting.result() if waiting.done() else []
        finally:
            for task in (waiting, leaving):
                task.cancel()
        answer: dict[str, Any] = {"found": len(found), "events": self._show(found)}
        if len(found) >= count:
            return show(answer)
        return show({"message": f"{len(found)} of {count} events came in {seconds:g} s", **answer}, 404)

    def _show(self, sequences: list[int]) -> list[dict[str, Any]]:
        kept = (self._state.ledger.get(sequence) for sequence in sequences)
        return [show_entry(entry) for entry in kept if entry is not None]

    async def _find(self, query: Query, count: int, seconds: float, after: int) -> list[int]:
        """Return sequences, not entries: a wait keeps nothing that the ledger has dropped."""
        ledger, last, ends_at = self._state.ledger, after, time.monotonic() + seconds
        found: list[int] = []
        with Waker.listening(self._state.listeners) as waker:
            while True:
                fresh = ledger.after(last)
                last = fresh[-1].sequence if fresh else last
                found += [
                    entry.sequence for entry in await sift(fresh, lambda one: one.is_taken and query.matches(one))
                ]
                del fresh
                if found and found[0] <= ledger.cleared_through:
                    found = [sequence for sequence in found if sequence > ledger.cleared_through]
                left = ends_at - time.monotonic()
                if len(found) >= count or left <= 0 or not await waker.wait(left):
                    return found[:_MAX_COUNT]


async def _client_leaves(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
