"""The journal itself: opened for a run, asked before each event, told before its first byte and after its outcome."""

from __future__ import annotations

import os
import warnings
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Self

from .._database import Database
from .._errors import JournalError
from .._outcomes import Outcome
from . import _entries
from ._entries import JOURNAL, PAGE_SIZE, Found
from ._entry import Entry, EntryState, OtherEventError
from ._identity import INVALID, Identity


class Journal:
    """The file of a bulk run; run again with the same file and the same input to resume.

    Before an event's first byte leaves, the intent is on disk, and after it the outcome, so whatever ends the process,
    the next run knows what may have been sent. An event is known by its `event_id` with where it goes, or else by its
    position in the input with a hash of its payload and of where it goes; no payload is stored.

    `send_many` opens and closes a journal that is not open. One process uses it at a time.

    Args:
        path: The file; made, for its owner's eyes only (mode 0600), where there is none.

    Raises:
        ConfigurationError: `path` is no path.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._database = Database(path, JOURNAL)
        self._is_running = False
        self._end = 0

    async def open(self) -> None:
        """Open the file, and keep other processes out.

        Raises:
            JournalError: It is in use, damaged, of a newer version, no journal, or cannot be made.
        """
        if not self._database.is_open:
            await self._database.open()

    async def aclose(self) -> None:
        """Close the file."""
        await self._database.aclose()

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def __del__(self) -> None:
        if (database := getattr(self, "_database", None)) is not None and database.is_open:
            warnings.warn(f"unclosed {self!r}; use async with or await aclose()", ResourceWarning, 1, self)
            database.abandon()

    def __repr__(self) -> str:
        return f"Journal({str(self._database.path)!r})"

    # What a run does

    @asynccontextmanager
    async def run(self) -> AsyncIterator[Self]:
        """Begin a run, in which each event comes once; the file is open for as long.

        Raises:
            JournalError: As for `open`, or another run has it.
        """
        if self._is_running:
            raise JournalError(f"{self._database.path}: another run has the journal; give each run one of its own")
        is_own, self._is_running = not self._database.is_open, True
        try:
            await self.open()
            self._end = await self._database.do(_entries.begin)
            yield self
        finally:
            self._is_running = False
            if is_own:
                await self.aclose()

    def is_new(self, identity: Identity) -> bool:
        """Tell without a look at the file whether no earlier run, and no earlier event, can be in an event's way."""
        return not identity.has_id and identity.position >= self._end

    def find(self, identity: Identity) -> Coroutine[Any, Any, Entry | None]:
        """Return what earlier runs left of an event, or None; events come in the order of the calls.

        Raises:
            OtherEventError: Another event stood at its position: the input is another one, or goes elsewhere.
            RepeatedEventError: An event of the same id came before in this run.
            JournalError: The disk fails.
        """
        return self._found(identity, self._database.do(partial(_entries.find, identity=identity)))

    async def _found(self, identity: Identity, asked: Coroutine[Any, Any, Found | None]) -> Entry | None:
        found = await asked
        if found is None or found[1] == identity.digest:
            return found and found[0]
        if found[1].startswith(INVALID):
            return None
        raise OtherEventError(
            f"{self._database.path}: event {identity.position + 1} of the input is not the one that the journal knows; "
            "resume with the same input, settings and event, or name another journal"
        )

    async def claim(self, identity: Identity, found: Entry | None = None) -> None:  # noqa: ARG002 - see `RunLog`
        """Put the intent to send on disk; nobody else can have claimed the event meanwhile.

        Raises:
            JournalError: The disk fails.
        """
        await self._database.do(_entries.putting(identity, Entry(identity.position, EntryState.INTENT)))

    async def settle(self, identity: Identity, outcome: Outcome) -> None:
        """Put an outcome on disk.

        Raises:
            JournalError: The disk fails.
        """
        await self._database.do(_entries.putting(identity, Entry.of(identity.position, outcome)))

    # What people ask

    async def counts(self) -> dict[EntryState, int]:
        """Return how many events are in each state.

        Raises:
            JournalError: The journal is not open, or the disk fails.
        """
        return await self._database.do(_entries.count)

    async def entries(self) -> AsyncIterator[Entry]:
        """Yield what the journal holds, a page at a time; by position, unless the events have ids of their own.

        Raises:
            JournalError: As for `counts`.
        """
        after = b""
        while True:
            page = await self._database.do(partial(_entries.page, after=after))
            for _, entry in page:
                yield entry
            if len(page) < PAGE_SIZE:
                return
            after, _ = page[-1]
