"""Hands the rows of a list on until somebody stops it, and knows how far it got."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator

import anyio

from ._input import Row

_EACH = 100
"""Rows between two looks at what an earlier run has settled, of which no outcome tells."""


class Feed:
    """The input of a run.

    Attributes:
        line: The line of the latest row, from 1.
        is_read: The input was read to its end.
        is_stopping: No more rows are taken.
        on_rows: Called now and then while rows are taken.
    """

    def __init__(self, rows: Iterator[Row] | AsyncIterator[Row]) -> None:
        self.line = 0
        self.is_read = False
        self.is_stopping = False
        self.on_rows: Callable[[], object] = lambda: None
        self._rows = rows
        self._taken = 0
        self._wait = anyio.CancelScope()

    def stop(self) -> None:
        """Take no more rows, and wait for none."""
        self.is_stopping = True
        self._wait.cancel()

    def rows(self) -> Iterator[Row] | AsyncIterator[Row]:
        """Return what `stream_many` takes."""
        return _Waiting(self, self._rows) if isinstance(self._rows, AsyncIterator) else self._each(self._rows)

    def _each(self, rows: Iterator[Row]) -> Iterator[Row]:
        for row in rows:
            if self.is_stopping:
                return
            yield self.note(row)
        self.is_read = True

    async def take(self, rows: AsyncIterator[Row]) -> Row | None:
        """Wait for the next row; None: there is none, or nobody wants it any more."""
        if self.is_stopping:
            return None
        with anyio.CancelScope() as self._wait:
            async for row in rows:
                return self.note(row)
            self.is_read = True
        return None

    def note(self, row: Row) -> Row:
        """Count a row that is taken."""
        self.line = row.line
        self._taken += 1
        if self._taken % _EACH == 0:
            self.on_rows()
        return row


class _Waiting(AsyncIterator[Row]):
    """No generator: a run that stops early has nothing to close."""

    def __init__(self, feed: Feed, rows: AsyncIterator[Row]) -> None:
        self._feed = feed
        self._rows = rows

    async def __anext__(self) -> Row:
        row = await self._feed.take(self._rows)
        if row is None:
            raise StopAsyncIteration
        return row
