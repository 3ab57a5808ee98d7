"""What a run can be resumed from: the verbs of a journal, and of a log that many processes share."""

from __future__ import annotations

from collections.abc import Coroutine
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol, runtime_checkable

from .._outcomes import Outcome
from ._entry import ClaimedError, Entry, RepeatedEventError
from ._identity import Identity


class RunLog(Protocol):
    """What one run asks and tells of each event."""

    def is_new(self, identity: Identity) -> bool:
        """Tell without any I/O whether nothing can be in an event's way."""
        ...

    def find(self, identity: Identity) -> Coroutine[Any, Any, Entry | None]:
        """Return what is known of an event; events come in the order of the calls, not of the awaits.

        Raises:
            OtherEventError: Another event is known under its identity.
            RepeatedEventError: One of the same id came before in this run.
            JournalError: The log cannot be reached.
        """
        ...

    async def claim(self, identity: Identity, found: Entry | None = None) -> None:
        """Write that an event is about to leave: from now on nobody else sends it.

        Args:
            identity: The event's.
            found: What `find` returned.

        Raises:
            ClaimedError: Another process was quicker.
            RepeatedEventError: One of the same id came before in this run.
            JournalError: The log cannot be reached.
        """
        ...

    async def settle(self, identity: Identity, outcome: Outcome) -> None:
        """Write what came of an event.

        Raises:
            JournalError: The log cannot be reached.
        """
        ...


@runtime_checkable
class DeliveryLog(Protocol):
    """A `Journal`, or what else knows over crashes and restarts which events were sent."""

    def run(self) -> AbstractAsyncContextManager[RunLog]:
        """Begin a run, in which each event comes once.

        Raises:
            JournalError: The log cannot be used.
        """
        ...


class Intent:
    """Writes that an event is about to leave, once for all of its attempts, unless that is taken back meanwhile."""

    def __init__(self, log: RunLog, identity: Identity, found: Entry | None = None) -> None:
        self.identity = identity
        self._log = log
        self._found = found
        self._is_written = False
        self._is_anothers = False

    async def write(self) -> None:
        """Return when it is written.

        Raises:
            DuplicateEventError: The event was sent already.
            UnknownDeliveryError: Another process may be sending it.
            JournalError: The log cannot be reached.
        """
        if not self._is_written:
            try:
                await self._log.claim(self.identity, self._found)
            except (ClaimedError, RepeatedEventError) as other:
                self._is_anothers = True
                raise other.outcome_error() from None
            self._is_written = True

    async def take_back(self, outcome: Outcome) -> None:
        """Write that an event which was about to leave did not, and waits."""
        if self._is_written:
            await self.settle(outcome)
            self._is_written = False

    async def settle(self, outcome: Outcome) -> None:
        """Write what came of it, unless that is for another to say."""
        if not self._is_anothers:
            await self._log.settle(self.identity, outcome)
