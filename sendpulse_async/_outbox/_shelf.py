"""What an outbox keeps its events on; each verb is done wholly or not at all, in the order in which they are called."""

from __future__ import annotations

from typing import Protocol

from ._values import Burial, Entry, Grave, OutboxStats


class Shelf(Protocol):
    """A line of pending events, the dead letters, and the counts of both.

    What a verb does holds when it returns. Each raises `JournalError` where the shelf fails or is closed; nothing of it
    was done then.
    """

    @property
    def name(self) -> str:
        """What errors call it."""
        ...

    async def open(self) -> None:
        """Take it into use."""
        ...

    async def add(self, record: str) -> int:
        """Put an event at the end of the line; return its number, which no other event ever has."""
        ...

    async def first(self, after: int = 0) -> Entry | None:
        """Return the first pending event behind a place, or None."""
        ...

    async def intend(self, number: int) -> None:
        """Note that the event may be under way from now on."""
        ...

    async def put_back(self, number: int, *, to_end: bool) -> None:
        """Take the intent back, since nothing was taken; the event keeps its place, or goes to the end of the line."""
        ...

    async def accept(self, number: int) -> None:
        """Forget a pending event, and count it."""
        ...

    async def bury(self, number: int, grave: Grave) -> None:
        """Make a pending event a dead letter."""
        ...

    async def recover(self, grave: Grave) -> list[Burial]:
        """Make dead letters of all events that may be under way, and return these."""
        ...

    async def requeue(self, number: int) -> bool:
        """Put a dead letter at the end of the line; tell whether it was one."""
        ...

    async def dead(self, limit: int) -> list[Burial]:
        """Return the first dead letters, by their numbers."""
        ...

    async def stats(self) -> OutboxStats:
        """Count."""
        ...

    async def aclose(self) -> None:
        """Finish what was asked for, and end its use."""
        ...

    def abandon(self) -> None:
        """End its use likewise, and wait for nothing."""
        ...
