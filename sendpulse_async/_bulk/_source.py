"""One input for many workers: any iterable or async iterable, pulled one item at a time."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Mapping
from typing import Any

import anyio

from .._errors import ConfigurationError
from .._events import Event
from ..typed import EventLike
from ..typed._declaration import declaration_of

_END: Any = object()

Events = Iterable[EventLike] | AsyncIterable[EventLike]


class Source:
    """Numbers the items of an input as they are pulled.

    Args:
        events: The input.
        first: The number of its first item.

    Attributes:
        pulled: The number of the next item.
    """

    def __init__(self, events: Events, first: int = 0) -> None:
        self.pulled: int = first
        self._iterator: Iterator[Any] | None = None
        self._async_iterator: AsyncIterator[Any] | None = None
        self._lock = anyio.Lock()  # an async generator cannot be asked twice at once
        if isinstance(events, str | bytes | Mapping | Event) or declaration_of(events) is not None:
            raise ConfigurationError("events must be an iterable of events, not one event or text")
        if isinstance(events, AsyncIterable):
            self._async_iterator = aiter(events)
        elif isinstance(events, Iterable):
            self._iterator = iter(events)
        else:
            raise ConfigurationError(f"events must be an iterable or async iterable, not {type(events).__name__}")

    @property
    def may_wait(self) -> bool:
        """Whether a pull may suspend."""
        return self._iterator is None

    def next(self) -> tuple[int, Any] | None:
        """Return the next item of an input that never waits, as `pull` does."""
        iterator, self._iterator = self._iterator, iter(())  # it is asked no more, should it raise
        assert iterator is not None  # noqa: S101 - see may_wait
        item = next(iterator, _END)
        if item is not _END:
            self._iterator = iterator
        return self._numbered(item)

    async def pull(self) -> tuple[int, Any] | None:
        """Return the next item with its number, or None at the end, and ever after.

        An iterator's own error comes through, once.
        """
        async with self._lock:
            if self._async_iterator is None:
                return None
            iterator, self._async_iterator = self._async_iterator, None  # likewise
            item = await anext(iterator, _END)
            if item is not _END:
                self._async_iterator = iterator
            return self._numbered(item)

    def _numbered(self, item: Any) -> tuple[int, Any] | None:
        if item is _END:
            return None
        number = self.pulled
        self.pulled += 1
        return number, item
