"""What happens, as it happens: server-sent events under `/_sandbox/stream`."""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING, Any, Final

from attrs import define, field
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from ._entries import summarize
from ._json import refuse
from ._params import read_query, read_sequence
from ._waking import Waker

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from starlette.requests import Request
    from starlette.types import Receive, Scope, Send

    from .._ledger import Query
    from .._state import State
    from ._stats import Stats

_MAX_ROWS: Final = 200
_MAX_READ: Final = 500
"""Requests that are searched before others are served."""
_BETWEEN_MESSAGES: Final = 0.1
_BETWEEN_STATS: Final = 1.0
_QUIET: Final = 15.0
_RETRY: Final = 1000
"""Milliseconds after which a browser that lost its connection comes back; by itself it would take several seconds."""
_MAX_DIGITS: Final = 15


class StreamApi:
    """Tells whoever listens of each change, at a bearable pace."""

    def __init__(self, state: State, stats: Stats) -> None:
        self._state = state
        self._stats = stats

    def routes(self) -> list[Route]:
        """Return its route."""
        return [Route("/_sandbox/stream", self._stream, methods=["GET"])]

    async def _stream(self, request: Request) -> Response:
        try:
            query = read_query(request.query_params)
            after = read_sequence(request.query_params, "after")
        except ValueError as error:
            return refuse(error)
        if request.method == "HEAD":
            # A stream without a body would hold its connection for nothing, and for ever.
            return Response(media_type="text/event-stream")
        instance, last = _read_id(request.headers.get("last-event-id"))
        is_foreign = instance not in (None, self._stats.instance)
        begin = last if instance == self._stats.instance else after
        reader = _Reader(self._state, self._stats, query, self._state.ledger.last_sequence if begin is None else begin)
        return _EventStream(reader, is_foreign=is_foreign)


@define(eq=False)
class _Reader:
    """One listener's place in the ledger: nothing waits for it elsewhere, however slow it reads."""

    state: State
    stats: Stats
    query: Query
    last: int
    cleared: int = field(init=False)
    seen: tuple[object, object] = field(init=False)
    stats_shown: float = field(default=-_BETWEEN_STATS, init=False)
    are_stats_due: bool = field(default=True, init=False)

    def __attrs_post_init__(self) -> None:
        self.cleared = self.state.ledger.cleared_through
        self.seen = (self.state.faults.in_play, self.state.switches)

    async def read(self, waker: Waker, *, is_foreign: bool) -> AsyncIterator[str]:
        if is_foreign:
            yield self._message("reset", {"instance": self.stats.instance})
        hello = {"instance": self.stats.instance, "last_sequence": self.state.ledger.last_sequence}
        yield f"retry: {_RETRY}\n" + self._message("hello", hello)
        while True:
            messages = list(self._news())
            if messages:
                yield "".join(messages)
                await asyncio.sleep(_BETWEEN_MESSAGES)
            if self.state.ledger.last_sequence > self.last:
                await asyncio.sleep(0)
                continue
            if await waker.wait(self._patience()):
                self.are_stats_due = True
            elif not self.are_stats_due:
                yield ": still here\n\n"

    def _patience(self) -> float:
        until_stats = self.stats_shown + _BETWEEN_STATS - time.monotonic()
        return max(0.0, until_stats) if self.are_stats_due else _QUIET

    def _news(self) -> Iterator[str]:
        if self.state.ledger.cleared_through != self.cleared:
            self.cleared = self.state.ledger.cleared_through
            self.last = max(self.last, self.cleared)
            yield self._message("cleared", {})
        seen = (self.state.faults.in_play, self.state.switches)
        for name, now, before in zip(("faults", "switches"), seen, self.seen, strict=True):
            if now != before:
                yield self._message(name, {})
        self.seen = seen
        yield from self._requests()
        if self.are_stats_due and time.monotonic() - self.stats_shown >= _BETWEEN_STATS:
            self.are_stats_due, self.stats_shown = False, time.monotonic()
            yield self._message("stats", self.stats.show())

    def _requests(self) -> Iterator[str]:
        rows: list[dict[str, Any]] = []
        before, read = max(self.last, self.cleared), 0
        newest = self.state.ledger.last_sequence
        for entry in self.state.ledger.after(self.last):
            self.last = entry.sequence
            read += 1
            if self.query.matches(entry):
                rows.append(summarize(entry))
            if len(rows) == _MAX_ROWS or read == _MAX_READ:
                break
        else:
            # The newest may be gone already: whoever waited for it to show up would wait for ever.
            self.last = max(self.last, newest)
        self.are_stats_due = self.are_stats_due or read > 0
        skipped = self.last - before - read
        if rows or skipped > 0:
            yield self._message("requests", {"requests": rows, "skipped": max(0, skipped)})

    def _message(self, name: str, value: dict[str, Any]) -> str:
        # JSON in ASCII has no line break that could end the message early.
        return f"id: {self.stats.instance}-{self.last}\nevent: {name}\ndata: {json.dumps(value)}\n\n"


class _EventStream(StreamingResponse):
    """Sends what a reader reads; the listener goes when the client does, or the server."""

    def __init__(self, reader: _Reader, *, is_foreign: bool) -> None:
        super().__init__((), media_type="text/event-stream")
        self._reader = reader
        self._is_foreign = is_foreign

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with Waker.listening(self._reader.state.listeners) as waker:
            self.body_iterator = self._reader.read(waker, is_foreign=self._is_foreign)
            await super().__call__(scope, receive, send)


def _read_id(text: str | None) -> tuple[str | None, int | None]:
    if not text:
        return None, None
    instance, _, sequence = text.rpartition("-")
    is_whole = sequence.isascii() and sequence.isdigit() and len(sequence) <= _MAX_DIGITS
    return (instance, int(sequence)) if is_whole else ("", None)
